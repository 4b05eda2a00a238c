//! What is done to the sandbox, and when: the part of a drill's file that is played.

use chrono::TimeDelta;
use serde::Deserialize;

use super::beside::Beside;

/// Something that happens to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// A broker's volume fills with what no partition owns, in a few seconds.
    FillVolume {
        /// Broker id.
        broker: i32,
    },
    /// A broker's process stops where it stands: it keeps its connections and answers nothing.
    Freeze {
        /// Broker id.
        broker: i32,
    },
    /// A broker's process ends with an exit code, again and again until it is healed.
    Crash {
        /// Broker id.
        broker: i32,
        /// Exit code; 137 is what the kernel's OOM killer leaves.
        code: i32,
    },
    /// Whatever is wrong with a broker's process is wrong no longer.
    Heal {
        /// Broker id.
        broker: i32,
    },
    /// A task of a connector fails.
    FailTask {
        /// The connector.
        connector: String,
        /// The task's number.
        task: usize,
    },
    /// Somebody starts a task of a connector again, and it runs.
    RestartTask {
        /// The connector.
        connector: String,
        /// The task's number.
        task: usize,
    },
    /// The same befalls a broker of an installation beside the shop's.
    FreezeBeside {
        /// The installation's name.
        installation: String,
        /// Broker id.
        broker: i32,
    },
    /// A broker writes its log as fast as a broken one can, from then on.
    Flood {
        /// Broker id.
        broker: i32,
        /// Megabytes a second, with the moments that the node writes.
        megabytes: u32,
    },
    /// Somebody rolls the StatefulSet, as `kubectl rollout restart` does.
    Roll,
}

/// A deed and its moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Step {
    /// Seconds after the sandbox opened.
    pub at: u32,
    /// What happens.
    #[serde(flatten)]
    pub deed: Deed,
}

/// All deeds, and when they begin again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Script {
    /// In any order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// Seconds after which it is played again.
    #[serde(default)]
    pub again_after: Option<u32>,
    /// Nobody writes and nobody reads: nothing moves but time.
    #[serde(default)]
    pub still: bool,
    /// What else is installed.
    #[serde(default)]
    pub beside: Vec<Beside>,
}

impl Script {
    /// What the demo shows by itself, again every ten minutes: a roll after a minute and a half, and a task that fails
    /// when that is long over, until somebody starts it again.
    pub fn demo() -> Self {
        let (connector, task) = (|| "warehouse-jdbc".to_owned(), 1);
        let steps = vec![
            Step { at: 90, deed: Deed::Roll },
            Step { at: 240, deed: Deed::FailTask { connector: connector(), task } },
            Step { at: 330, deed: Deed::RestartTask { connector: connector(), task } },
        ];
        Self { steps, again_after: Some(600), ..Self::default() }
    }

    /// What a drill's file says is done; the rest of the file is not ours.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Deeds whose moment lies after `from` and not after `to`, both since the sandbox opened.
    pub fn between(&self, from: TimeDelta, to: TimeDelta) -> Vec<Deed> {
        let round = |moment: TimeDelta, at: u32| {
            let since = moment.num_milliseconds() - i64::from(at) * 1_000;
            match self.again_after.map(|s| i64::from(s) * 1_000) {
                Some(every) if since >= 0 && every > 0 => since / every,
                _ if since >= 0 => 0,
                _ => -1,
            }
        };
        self.steps
            .iter()
            .filter(|step| round(to, step.at) > round(from, step.at))
            .map(|step| step.deed.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_is_done_once_each_time_its_moment_comes() {
        let script = Script::demo();
        let rolls = |from: i64, to: i64| script.between(TimeDelta::seconds(from), TimeDelta::seconds(to)).len();
        assert_eq!(rolls(0, 89), 0);
        assert_eq!(rolls(89, 90), 1);
        assert_eq!(rolls(90, 91), 0);
        assert_eq!(rolls(689, 690), 1);
        let once = Script { again_after: None, ..script };
        assert_eq!(once.between(TimeDelta::seconds(0), TimeDelta::seconds(5_000)).len(), 3);
    }

    #[test]
    fn a_drill_s_file_may_say_what_else_is_installed_and_what_befalls_it() {
        let text = "[[beside]]\nflavour = \"koperator\"\nnamespace = \"streams\"\nname = \"events\"\n\
                    [[step]]\nat = 5\ndo = \"freeze-beside\"\ninstallation = \"events\"\nbroker = 1\n";
        let script = Script::parse(text).unwrap();
        assert_eq!(script.beside[0].flavour, super::super::beside::Flavour::Koperator);
        assert_eq!(script.steps[0].deed, Deed::FreezeBeside { installation: "events".to_owned(), broker: 1 });
    }
}
