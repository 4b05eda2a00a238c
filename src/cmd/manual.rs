//! The manual page and completion scripts, made from the command line's own shape.

use std::io::{self, Write};

use clap_complete::Shell;

use crate::cli;

/// Writes a completion script.
pub fn completions(shell: Shell, out: &mut impl Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(None), "kafdeck", &mut script);
    out.write_all(&script)
}

/// Writes the manual page: the command itself, then one section per subcommand.
pub fn man<W: Write>(out: &mut W) -> io::Result<()> {
    let command = cli::command(None).disable_help_subcommand(true);
    clap_mangen::Man::new(command).render(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_knows_our_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let mut out = Vec::new();
            completions(shell, &mut out).unwrap();
            let script = String::from_utf8(out).unwrap();
            assert!(script.contains("storage") && script.contains("kafdeck"), "{shell}");
        }
    }

    #[test]
    fn the_manual_names_every_command_and_the_exit_codes() {
        let mut out = Vec::new();
        man(&mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
        for part in ["status", "doctor", "findings", "Exit codes", "installation"] {
            assert!(page.contains(part), "{part} is missing in\n{page}");
        }
    }
}
