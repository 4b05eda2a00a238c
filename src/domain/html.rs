//! Documentation that was written for a browser, as plain text.
//!
//! Kafka documents its configs in HTML: `<code>`, lists, links. Only tags that HTML knows are taken out; whatever
//! else stands between angle brackets is text. It is no parser and promises nothing but plain text.

/// Longest text that is looked at, in characters; Kafka's longest is a few thousand.
const LONGEST: usize = 8_000;

/// Longest tag, its attributes included.
const LONGEST_TAG: usize = 300;

/// Tags that are taken out; those of the first kind end a line.
const BLOCKS: [&str; 11] = ["p", "br", "ul", "ol", "div", "pre", "table", "tr", "h1", "h2", "h3"];
const INLINE: [&str; 13] = ["a", "b", "code", "em", "i", "span", "strong", "sub", "sup", "td", "th", "tt", "u"];

/// The text without tags and entities, in lines without blanks around them; an item of a list begins with `- `.
pub fn plain(html: &str) -> String {
    let html: String = html.chars().take(LONGEST).collect();
    let mut text = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (stands_for, length) = tag(rest).or_else(|| entity(rest)).unwrap_or((&rest[..1], 1));
        text.push_str(stands_for);
        rest = &rest[length..];
    }
    text.push_str(rest);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = text.lines().map(words).filter(|line| !line.is_empty() && line != "-").collect();
    lines.join("\n")
}

/// What stands in place of the tag that a text begins with, and the tag's bytes.
fn tag(text: &str) -> Option<(&'static str, usize)> {
    let end = text.strip_prefix('<')?.find(['>', '<']).map(|at| at + 1).filter(|at| *at < LONGEST_TAG)?;
    if !text[end..].starts_with('>') {
        return None;
    }
    let inside = text[1..end].trim_start_matches('/').trim_end_matches('/');
    let name = inside.split_whitespace().next()?.to_ascii_lowercase();
    let stands_for = match name.as_str() {
        "li" if text.starts_with("</") => "",
        "li" => "\n- ",
        name if BLOCKS.contains(&name) => "\n",
        name if INLINE.contains(&name) => "",
        _ => return None,
    };
    Some((stands_for, end + 1))
}

/// What an entity that a text begins with stands for, and its bytes.
fn entity(text: &str) -> Option<(&'static str, usize)> {
    const ENTITIES: [(&str, &str); 7] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
    ];
    ENTITIES.into_iter().find(|(name, _)| text.starts_with(name)).map(|(name, stands_for)| (stands_for, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_s_own_documentation_becomes_plain_lines() {
        let html = "Set to <code>all</code>, see <a href=\"#x\">here</a>.<ul>\n <li><code>a</code> &lt;b&gt;</li><li>c\n\
                    d</li></ul>A &amp; B.<br/>End";
        assert_eq!(plain(html), "Set to all, see here.\n- a <b>\n- c\nd\nA & B.\nEnd");
    }

    #[test]
    fn what_is_no_tag_stays_and_nothing_is_without_end() {
        assert_eq!(plain("a < b and <listener> and <a and <code"), "a < b and <listener> and <a and <code");
        assert_eq!(plain("1 && 2 &lt"), "1 && 2 &lt");
        assert_eq!(plain(&"<".repeat(1 << 20)).len(), LONGEST);
        assert_eq!(plain(&format!("<a {}>x", "y".repeat(LONGEST_TAG))).len(), LONGEST_TAG + 5);
        assert_eq!(plain("é<code>ü</code>\u{1b}[2J"), "éü\u{1b}[2J", "it is cleaned where it is drawn");
    }
}
