//! Colours: how they are written, how many a terminal can show, and whether one can be read on another.

use std::{fmt, str::FromStr};

/// The terminal's own 16 colours by name; where people say grey they mean the bright black.
pub const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// The 16 colours as xterm shows them unless it is told otherwise.
const XTERM: [Rgb; 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// Steps of the 6×6×6 cube of the 256 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Red, green and blue.
pub type Rgb = (u8, u8, u8);

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Color {
    /// One of the 256; the first 16 are the terminal's own.
    Index(u8),
    /// Any.
    Rgb(u8, u8, u8),
}

impl FromStr for Color {
    type Err = ();

    /// Reads a name, a number from 0 to 255, or `#rrggbb`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let lower = text.to_lowercase().replace('_', "-");
        if let Some(hex) = lower.strip_prefix('#') {
            let is_hex = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
            let number = u32::from_str_radix(hex, 16).ok().filter(|_| is_hex).ok_or(())?;
            let [_, r, g, b] = number.to_be_bytes();
            return Ok(Self::Rgb(r, g, b));
        }
        let name = match lower.as_str() {
            "gray" | "grey" => "bright-black",
            name => name,
        };
        match (NAMES.iter().position(|n| *n == name), lower.parse()) {
            (Some(at), _) => Ok(Self::Index(u8::try_from(at).map_err(|_| ())?)),
            (None, Ok(index)) => Ok(Self::Index(index)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(n) => match NAMES.get(usize::from(*n)) {
                Some(name) => f.write_str(name),
                None => write!(f, "{n}"),
            },
            Self::Rgb(r, g, b) => write!(f, "#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

impl Color {
    /// Its red, green and blue, with the usual palette where the terminal's own decides.
    pub fn rgb(self) -> Rgb {
        match self {
            Self::Rgb(r, g, b) => (r, g, b),
            Self::Index(n @ 0..16) => XTERM[usize::from(n)],
            Self::Index(n @ 16..232) => {
                let step = |of: u8| CUBE[usize::from(of % 6)];
                let n = n - 16;
                (step(n / 36), step(n / 6), step(n))
            }
            Self::Index(n) => {
                let grey = 8 + (n - 232) * 10;
                (grey, grey, grey)
            }
        }
    }

    /// The nearest colour that a depth has; none where there are none.
    pub fn at(self, depth: Depth) -> Option<Self> {
        match (depth, self) {
            (Depth::None, _) => None,
            (Depth::Ansi256, Self::Rgb(..)) => Some(self.nearest(16..=255)),
            (Depth::Ansi16, Self::Rgb(..) | Self::Index(16..)) => Some(self.nearest(0..=15)),
            (_, color) => Some(color),
        }
    }

    fn nearest(self, among: impl Iterator<Item = u8>) -> Self {
        let square = |a: u8, b: u8| i32::from(a.abs_diff(b)).pow(2);
        let own = self.rgb();
        let far = |index: &u8| {
            let other = Self::Index(*index).rgb();
            square(own.0, other.0) + square(own.1, other.1) + square(own.2, other.2)
        };
        Self::Index(among.min_by_key(far).unwrap_or(0))
    }
}

/// How well one colour can be read on another: from 1, not at all, to 21; text wants 4.5.
///
/// The measure of the Web Content Accessibility Guidelines.
pub fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// How many colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// None: only modifiers carry emphasis.
    None,
    /// The terminal's own 16.
    #[default]
    Ansi16,
    /// 256.
    Ansi256,
    /// All.
    True,
}

impl Depth {
    /// All depths with their names.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::None, "never"), (Self::Ansi16, "16"), (Self::Ansi256, "256"), (Self::True, "truecolor")];

    /// Its name, as in `color = "256"`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(depth, _)| *depth == self).map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_names_numbers_and_hexadecimal() {
        assert_eq!("red".parse(), Ok(Color::Index(1)));
        assert_eq!("Bright_Red".parse(), Ok(Color::Index(9)));
        assert_eq!("grey".parse(), Ok(Color::Index(8)));
        assert_eq!("208".parse(), Ok(Color::Index(208)));
        assert_eq!("#ff8700".parse(), Ok(Color::Rgb(255, 135, 0)));
        for wrong in ["", "256", "-1", "#fff", "#gggggg", "#+12345", "rde"] {
            assert_eq!(wrong.parse::<Color>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn fewer_colours_are_the_nearest_ones() {
        let orange = Color::Rgb(255, 135, 0);
        assert_eq!(orange.at(Depth::True), Some(orange));
        assert_eq!(orange.at(Depth::Ansi256), Some(Color::Index(208)));
        assert_eq!(Color::Rgb(250, 10, 5).at(Depth::Ansi16), Some(Color::Index(9)));
        assert_eq!(Color::Index(196).at(Depth::Ansi16), Some(Color::Index(9)));
        assert_eq!(Color::Index(3).at(Depth::Ansi256), Some(Color::Index(3)), "the terminal's own stay its own");
        assert_eq!(orange.at(Depth::None), None);
    }

    #[test]
    fn every_number_has_a_colour() {
        assert_eq!(Color::Index(16).rgb(), (0, 0, 0));
        assert_eq!(Color::Index(231).rgb(), (255, 255, 255));
        assert_eq!(Color::Index(255).rgb(), (238, 238, 238));
        assert!((0..=255).all(|n| Color::Index(n).at(Depth::Ansi16).is_some()));
    }

    #[test]
    fn contrast_is_measured_from_1_to_21() {
        let near = |a: f64, b: f64| (a - b).abs() < 0.05;
        assert!(near(contrast((0, 0, 0), (255, 255, 255)), 21.0));
        assert!(near(contrast((9, 9, 9), (9, 9, 9)), 1.0));
        assert!(near(contrast((127, 127, 127), (255, 255, 255)), 4.0));
    }
}
