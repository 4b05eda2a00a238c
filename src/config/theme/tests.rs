//! What every shipped theme keeps at every depth, and what is said of themes that cannot be used.

use super::*;

const BLACK: (u8, u8, u8) = (0, 0, 0);
const WHITE: (u8, u8, u8) = (255, 255, 255);

fn read(text: &str) -> (Theme, Vec<String>) {
    let (mut theme, mut problems, mut palette) = (Theme::default(), Vec::new(), Palette::default());
    let document = Document::read("x.toml", text, &mut problems);
    palette.lay_over(&document, &mut problems);
    for row in document.rows.iter().filter(|row| row.key != "palette") {
        theme.lay_over(&document, &row.key, row, &palette, &mut problems);
    }
    (theme, problems.iter().map(Problem::to_string).collect())
}

/// Every shipped theme at every depth, with the backgrounds it is for.
fn shipped() -> impl Iterator<Item = (&'static str, Depth, Theme, Vec<(u8, u8, u8)>)> {
    BUILT_IN.iter().flat_map(|(name, _)| {
        let backgrounds = match *name {
            "light" => vec![WHITE],
            "mono" => vec![BLACK, WHITE],
            _ => vec![BLACK],
        };
        Depth::ALL.into_iter().map(move |(depth, _)| (*name, depth, Theme::built_in(name), backgrounds.clone()))
    })
}

#[test]
fn every_shipped_theme_is_without_problems() {
    for (name, _) in BUILT_IN {
        let mut problems = Vec::new();
        Theme::read(&SHELF, name, &mut problems);
        assert_eq!(problems, [], "{name}");
    }
}

#[test]
fn text_of_every_shipped_theme_can_be_read_at_every_depth() {
    for (name, depth, theme, backgrounds) in shipped() {
        for (slot, _) in SLOTS {
            let style = theme.style(slot).at(depth);
            for background in &backgrounds {
                // Reversed text stands in the background's colour on the text's: the same two colours.
                let behind = style.bg.map_or(*background, Color::rgb);
                let Some(text) = style.fg.map(Color::rgb) else {
                    assert_eq!(style.bg, None, "{name}: {slot} has a background and leaves its text to chance");
                    continue;
                };
                let ratio = contrast(text, behind);
                assert!(ratio >= 4.5, "{name} at {}: {slot} has contrast {ratio:.2}", depth.name());
            }
        }
    }
}

#[test]
fn states_and_verdicts_can_be_told_apart_at_every_depth() {
    for (name, depth, theme, _) in shipped() {
        for group in ["state.", "verdict."] {
            let slots: Vec<&str> = SLOTS.iter().map(|(s, _)| *s).filter(|s| s.starts_with(group)).collect();
            for (at, a) in slots.iter().enumerate() {
                for b in &slots[at + 1..] {
                    let look = |slot: &str| theme.style(slot).at(depth);
                    assert_ne!(look(a), look(b), "{name} at {}: {a} looks like {b}", depth.name());
                }
            }
        }
    }
}

#[test]
fn the_row_under_the_cursor_shows_without_colour() {
    for (name, depth, theme, _) in shipped() {
        let selected = theme.style("selected").at(depth);
        assert!(selected.mods.has(Mods::REVERSED) || selected.bg.is_some(), "{name} at {}", depth.name());
    }
}

#[test]
fn the_default_theme_is_the_terminals_own_16_colours_on_its_own_background() {
    let theme = Theme::built_in("default");
    for (slot, _) in SLOTS {
        let style = theme.style(slot);
        assert_eq!(style.bg, None, "{slot}");
        assert!(style.fg.is_none_or(|c| matches!(c, Color::Index(0..16))), "{slot}");
    }
}

#[test]
fn a_slot_without_a_style_has_that_of_the_longest_name_it_begins_with() {
    let (theme, problems) = read("state = \"blue\"\nstate.bad = \"red bold\"\n");
    // TOML itself does not let a row be text and a table.
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(theme.style("state.good").fg, Some(Color::Index(4)));
    let (theme, problems) = read("state = \"blue\"\n\"state.bad\" = \"red bold\"\n");
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(theme.style("state.bad"), Style { fg: Some(Color::Index(1)), mods: Mods::BOLD, ..Style::default() });
    assert_eq!(theme.style("state.warn").fg, Some(Color::Index(4)));
    let (theme, _) = read("state.bad = \"red\"\nstate.warn = { fg = 208, mods = \"bold\" }\n");
    assert_eq!(theme.style("state.warn").fg, Some(Color::Index(208)));
    assert_eq!(theme.style("state.bad").fg, Some(Color::Index(1)));
}

#[test]
fn a_palette_gives_colours_names() {
    let (theme, problems) = read("\"state.bad\" = \"alarm bold\"\n[palette]\nalarm = \"#ff0000\"\n");
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(theme.style("state.bad").fg, Some(Color::Rgb(255, 0, 0)));
}

#[test]
fn what_cannot_be_used_is_named_and_the_other_rows_hold() {
    let (theme, problems) = read(
        "\"state.bda\" = \"red\"\n\"state.bad\" = \"rde\"\n\"state.warn\" = \"yellow blod\"\n\
         \"banner\" = { fg = \"black\", bg = \"#101010\" }\n\"selected\" = { fg = \"black\", color = 1 }\n\
         \"text\" = true\n\"verdict.ok\" = { mods = [\"bold\", \"blink\"] }\nfrobnication = \"red\"\n\
         \"state.good\" = 22\n[palette]\nx = [1]\n",
    );
    assert_eq!(
        problems,
        [
            "x.toml:11: \"x\" is a colour, not a list",
            "x.toml:1: \"state.bda\" is not a slot; did you mean \"state.bad\"?",
            "x.toml:2: \"rde\" is not a colour; did you mean \"red\"?",
            "x.toml:3: \"blod\" is not a colour; did you mean \"bold\"?",
            "x.toml:4: its text can hardly be read: contrast 1.1; text wants 4.5, and 3.0 is the least",
            "x.toml:5: \"color\" is no part of a style",
            "x.toml:6: a style is text as \"red bold\" or a table, not true or false",
            "x.toml:7: \"blink\" is not a modifier",
            "x.toml:8: \"frobnication\" is not a slot; `kafdeck docs themes` lists them",
        ]
    );
    assert_eq!(theme.style("state.good").fg, Some(Color::Index(22)));
    assert_eq!(theme.style("banner"), Style::default());
}
