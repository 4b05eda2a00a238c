//! The pictures of the README: taken of the console on the sandbox, and stale as soon as one cell differs.
//!
//! `KAFDECK_UPDATE=1 cargo test --test screenshots` takes them anew.

#![expect(clippy::unwrap_used, reason = "a picture that cannot be taken is a failed test")]

#[path = "common/sandbox.rs"]
mod sandbox;
#[path = "common/svg.rs"]
mod svg;

use std::{env, fs, path::PathBuf};

use kafdeck::{app::keys::Key, drill, sandbox::Script, view::Look};

use sandbox::Headless;

/// A picture.
struct Shot {
    /// Its file, without the ending.
    name: &'static str,
    /// What stands in the window's bar.
    title: &'static str,
    /// The drill that is played.
    drill: Option<&'static str>,
    /// Columns and rows.
    size: (u16, u16),
    /// When it is taken, in seconds after the sandbox opened.
    at: u32,
    /// Keys that are pressed before.
    keys: &'static [Key],
}

const SHOTS: &[Shot] = &[
    Shot { name: "overview", title: "kafdeck demo", drill: None, size: (120, 40), at: 40, keys: &[] },
    Shot { name: "overview-80x24", title: "kafdeck demo, 80×24", drill: None, size: (80, 24), at: 40, keys: &[] },
    Shot { name: "overview-200x50", title: "kafdeck demo, 200×50", drill: None, size: (200, 50), at: 40, keys: &[] },
    Shot { name: "disk-full", title: "a volume is full", drill: Some("disk-full"), size: (120, 40), at: 50, keys: &[] },
    Shot {
        name: "disk-full-80x24",
        title: "a volume is full, 80×24",
        drill: Some("disk-full"),
        size: (80, 24),
        at: 50,
        keys: &[],
    },
    Shot {
        name: "finding",
        title: "why it is wrong",
        drill: Some("disk-full"),
        size: (100, 30),
        at: 50,
        keys: &[Key::Char('2'), Key::Enter],
    },
    Shot {
        name: "frozen",
        title: "a broker that does not answer",
        drill: Some("broker-frozen"),
        size: (120, 40),
        at: 40,
        keys: &[],
    },
    Shot { name: "groups", title: "consumer groups", drill: None, size: (100, 24), at: 60, keys: &[Key::Char('6')] },
    Shot {
        name: "topic",
        title: "a topic during a roll",
        drill: None,
        size: (100, 24),
        at: 96,
        keys: &[Key::Char('5'), Key::Char('j'), Key::Enter],
    },
    Shot {
        name: "logs",
        title: "logs of all brokers during a roll",
        drill: None,
        size: (120, 30),
        at: 90,
        keys: &[Key::Char('L')],
    },
];

/// Takes a picture. Keys are pressed a moment before, so that what they ask for has come.
async fn take(shot: &Shot) -> String {
    let script = match shot.drill {
        Some(name) => Script::parse(drill::text_of(name).unwrap()).unwrap(),
        None => Script::demo(),
    };
    let mut console = Headless::open(script, shot.size);
    console.go_to(shot.at).await;
    console.press(shot.keys);
    console.go_to(shot.at + 3).await;
    svg::picture(&console.cells(&Look::default()), shot.title)
}

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "screenshots", &format!("{name}.svg")].iter().collect()
}

#[tokio::test(start_paused = true)]
async fn the_pictures_show_the_console_as_it_is() {
    let update = env::var_os("KAFDECK_UPDATE").is_some();
    let mut stale = Vec::new();
    for shot in SHOTS {
        let picture = take(shot).await;
        let path = file(shot.name);
        if fs::read_to_string(&path).ok().as_ref() == Some(&picture) {
            continue;
        }
        if update {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, picture).unwrap();
        } else {
            stale.push(shot.name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} show another console; look at them after: KAFDECK_UPDATE=1 cargo test --test screenshots"
    );
}

#[test]
fn no_picture_is_left_that_nobody_takes() {
    let present = fs::read_dir(file("x").parent().unwrap()).into_iter().flatten();
    let mut left: Vec<String> = present
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !SHOTS.iter().any(|shot| format!("{}.svg", shot.name) == *name))
        .collect();
    left.sort();
    assert_eq!(left, Vec::<String>::new());
}
