//! What happens when kafdeck itself breaks: the terminal first, then the report, then the end.

use std::io::Write;

use super::terminal;

/// Installs the hooks for panics and for error reports.
///
/// A panic in any thread or task ends the process with 101, after the terminal has been given back: a
/// console that went on without one of its tasks would show what is no longer true.
pub fn install() -> color_eyre::Result<()> {
    let (panic_hook, eyre_hook) = color_eyre::config::HookBuilder::default()
        .panic_section("This is a bug in kafdeck. Nothing was changed in your cluster by it.")
        .into_hooks();
    eyre_hook.install()?;
    std::panic::set_hook(Box::new(move |info| {
        terminal::restore();
        // A closed standard error leaves the exit code to speak.
        let _ = writeln!(std::io::stderr(), "{}", panic_hook.panic_report(info));
        terminal::leave(101);
    }));
    Ok(())
}
