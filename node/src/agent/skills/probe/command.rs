//! `probe.command`: whether a program on this machine ends as it should.
//!
//! The program is started as it is written, without a shell, in a sandbox of its own.

use super::target::{Target, TargetRefusal, invalid};
use super::{Look, Seen, holds};
use crate::agent::sandbox::{End, Sandbox};

/// Understands a target.
pub(super) fn aim(mut target: Target) -> Result<Look, TargetRefusal> {
    let text = target.need("argv")?;
    let argv = parse_argv(&text)?;
    let exit = target.parse("exit")?.unwrap_or(0);
    let contains = target.take("contains");
    target.finish()?;
    Ok(Box::pin(async move { look(argv, exit, contains).await }))
}

/// Words between blanks, or a JSON array where a word holds blanks itself.
fn parse_argv(text: &str) -> Result<Vec<String>, TargetRefusal> {
    let argv: Vec<String> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| invalid("argv", text, error))?
    } else {
        text.split_whitespace().map(str::to_owned).collect()
    };
    if argv.first().is_none_or(String::is_empty) {
        return Err(invalid("argv", text, "it names no program"));
    }
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(invalid("argv", text, "a word holds a zero byte"));
    }
    Ok(argv)
}

async fn look(argv: Vec<String>, exit: i32, contains: Option<String>) -> Seen {
    let program = argv[0].clone();
    let ended = Sandbox::new(argv)
        .run()
        .await
        .map_err(|error| super::explain(&error))?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let complained = String::from_utf8_lossy(&ended.stderr);
    let words = [complained.trim(), said.trim()]
        .into_iter()
        .find(|text| !text.is_empty());
    let words = words.map(|text| format!(": {text}")).unwrap_or_default();
    match ended.end {
        End::Exited(code) if code == exit => match contains {
            Some(text) if !holds(&ended.stdout, &text) => Err(format!(
                "{program} exited with {code}, but did not say {text:?}{words}"
            )),
            Some(_) | None => Ok(format!("{program} exited with {code}")),
        },
        End::Exited(code) => Err(format!("{program} exited with {code}{words}")),
        End::Killed(signal) => Err(format!("{program} was killed by signal {signal}{words}")),
    }
}
