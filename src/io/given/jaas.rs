//! One line of JAAS, as `sasl.jaas.config` holds it: a module, a word, options in any order, a semicolon.

use zeroize::Zeroizing;

/// What it says.
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// True for the module of PLAIN, false for SCRAM's.
    pub is_plain: bool,
}

/// Understands a line; the error holds nothing of it but names of modules and options.
pub fn login(text: &str) -> Result<Login, String> {
    let mut words = words(text)?.into_iter();
    let module = words.next().ok_or("it is empty")?;
    let module = module.rsplit('.').next().unwrap_or_default();
    let is_plain = match module {
        "PlainLoginModule" => true,
        "ScramLoginModule" => false,
        known if known.ends_with("LoginModule") && known.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            return Err(format!("the module {known} is not supported"));
        }
        _ => return Err("it does not begin with ScramLoginModule or PlainLoginModule".to_owned()),
    };
    let (mut user, mut password) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("username", value)) => user = Some(value.to_owned()),
            Some(("password", value)) => password = Some(Zeroizing::new(value.to_owned())),
            _ => {}
        }
    }
    let user = user.filter(|user| !user.is_empty()).ok_or("username is missing")?;
    Ok(Login { user, password: password.ok_or("password is missing")?, is_plain })
}

/// Words up to the semicolon, without the quotes around values.
fn words(text: &str) -> Result<Vec<Zeroizing<String>>, String> {
    let mut words = Vec::new();
    let mut word = Zeroizing::new(String::new());
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => word.extend(chars.next()),
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ';') => {
                words.push(word);
                words.retain(|word| !word.is_empty());
                return Ok(words);
            }
            (None, c) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            (_, c) => word.push(c),
        }
    }
    Err(if quote.is_some() { "a quote is not closed" } else { "there is no semicolon at its end" }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

    #[test]
    fn names_and_passwords_may_hold_anything_within_quotes() {
        let line = format!("{SCRAM} required password=\"a b;\\\"c\\\\=\" debug=\"true\" username='me@x';");
        let login = login(&line).ok().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str(), login.is_plain), ("me@x", "a b;\"c\\=", false));
    }

    #[test]
    fn what_is_missing_is_said_without_a_letter_of_a_password() {
        for (line, wanted) in [
            ("hunter2", "there is no semicolon at its end"),
            ("hunter2;", "it does not begin with ScramLoginModule or PlainLoginModule"),
            (";", "it is empty"),
            ("x.ScramLoginModule required username=\"hunter2;", "a quote is not closed"),
            ("x.ScramLoginModule required password=hunter2;", "username is missing"),
            ("x.ScramLoginModule required username=u;", "password is missing"),
            ("com.x.Krb5LoginModule required password=hunter2;", "the module Krb5LoginModule is not supported"),
        ] {
            assert_eq!(login(line).err().as_deref(), Some(wanted), "{line}");
        }
    }
}
