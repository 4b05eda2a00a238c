//! `demo`: the same console, connected to a cluster in memory.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use crate::{
    cli::Global,
    drill,
    errors::{Failure, FailureKind},
    io::connect::ConnectOptions,
    sandbox::{Script, Setup},
};

/// The context of the demo, as a configuration may name it.
pub const CONTEXT: &str = "sandbox";

/// Connects to the sandbox, where a drill is played or life goes its way.
pub fn options(global: &Global, drill: Option<&str>) -> Result<ConnectOptions, Failure> {
    if global.context.is_some() || global.kubeconfig.is_some() {
        return Err(Failure::new(FailureKind::Usage, "The demo has a cluster of its own: no kubeconfig is read.")
            .hint("Leave out --context and --kubeconfig, or leave out `demo`."));
    }
    let script = drill.map_or_else(|| Ok(Script::demo()), script)?;
    let sandbox = Some(Setup { script, ..Setup::default() });
    Ok(ConnectOptions { sandbox, ..global.connect_options()? })
}

/// Where runs of this demo are written down.
pub fn state_dir() -> PathBuf {
    std::env::temp_dir().join(format!("kafdeck-demo-{}", std::process::id()))
}

fn script(name: &str) -> Result<Script, Failure> {
    let known = || drill::DRILLS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let refused = |why: String| {
        Failure::new(FailureKind::Usage, format!("The drill {name:?} cannot be played."))
            .why(why)
            .hint(format!("There are: {}", known()))
    };
    let text = drill::text_of(name).map_err(|error| refused(error.to_string()))?;
    Script::parse(text).map_err(|error| refused(error.to_string()))
}

/// Lists the drills.
pub fn list(out: &mut Vec<u8>) -> io::Result<()> {
    for (name, _) in drill::DRILLS {
        let title = drill::load(name).map_or_else(|error| error.to_string(), |drill| drill.title);
        writeln!(out, "{name:16}  {title}")?;
    }
    Ok(())
}
