//! `hms skill`: what agents can do, and where.

use clap::Subcommand;
use hms_client::SkillView;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::screen::{Screen, Tone, plain};
use crate::session::{Names, Session};

/// Skills.
#[derive(Debug, Subcommand)]
pub(crate) enum SkillCommand {
    /// List the skills, with versions, inputs and the nodes that have them.
    #[command(after_help = "Example:\n  hms skill list")]
    List,
}

/// Runs a command about skills.
pub(crate) async fn run(command: SkillCommand, session: &Session) -> Result<Exit, Fault> {
    match command {
        SkillCommand::List => {
            let skills = session.client.skills().await?;
            let names = session.names().await?;
            session.screen.show(
                |screen| text(&skills, &names, screen),
                || as_json(&skills, &names),
            )?;
            Ok(Exit::Done)
        }
    }
}

fn text(skills: &[SkillView], names: &Names, screen: Screen) -> String {
    let mut sheet = screen.table(&[
        "SKILL",
        "VERSION",
        "AGENTS",
        "NODES",
        "INPUT",
        "WHAT IT DOES",
    ]);
    for skill in skills {
        let nodes: Vec<String> = skill.nodes.iter().map(|node| names.of(*node)).collect();
        let agents = if skill.agents == 0 {
            Tone::Bad
        } else {
            Tone::Plain
        };
        sheet.row([
            plain(&skill.skill),
            plain(skill.versions.join(" ")),
            (skill.agents.to_string(), agents),
            plain(nodes.join(" ")),
            plain(&skill.input),
            plain(&skill.summary),
        ]);
    }
    sheet.render()
}

fn as_json(skills: &[SkillView], names: &Names) -> Value {
    let skill = |skill: &SkillView| {
        let nodes = skill.nodes.iter();
        json!({
            "skill": skill.skill.as_str(),
            "versions": skill.versions,
            "summary": skill.summary,
            "input": skill.input,
            "agents": skill.agents,
            "nodes": nodes
                .map(|node| json!({ "id": node.to_string(), "name": names.of(*node) }))
                .collect::<Vec<_>>(),
        })
    };
    skills.iter().map(skill).collect()
}

#[cfg(test)]
mod tests {
    use hms_client::domain::id::NodeId;

    use super::*;

    /// AGX-1: the list shows name, version, input and the nodes that have the skill.
    #[test]
    fn skills_are_listed_with_their_coverage() {
        let skills = [SkillView {
            skill: "echo".parse().unwrap(),
            versions: vec!["1.0".to_owned()],
            summary: "Gives back its input.".to_owned(),
            input: "any bytes".to_owned(),
            agents: 2,
            nodes: vec![NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32])],
        }];
        let names = Names([(NodeId::from_bytes([1; 32]), "n1".to_owned())].into());
        let expected = "\
SKILL  VERSION  AGENTS  NODES        INPUT      WHAT IT DOES
echo   1.0      2       n1 02020202  any bytes  Gives back its input.";
        assert_eq!(text(&skills, &names, Screen::plain()), expected);
        assert_eq!(as_json(&skills, &names)[0]["nodes"][0]["name"], "n1");
    }
}
