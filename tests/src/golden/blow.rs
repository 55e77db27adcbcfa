//! The words for blows in a script: `kill n2`, `cut n1 n3 one-way`, `drift n2 to 900`.

use crate::golden::stage::StageError;
use crate::golden::words::{host, span};
use crate::sim::disk::Part;
use crate::sim::fate::Blow;
use crate::sim::host::HostId;

/// What stands for the second host of a one-way cut.
const ONE_WAY: &str = "one-way";

/// The words for the parts of a disk.
const PARTS: [(Part, &str); 4] = [
    (Part::Row, "row"),
    (Part::Checkpoint, "checkpoint"),
    (Part::HardState, "hard-state"),
    (Part::Tail, "tail"),
];

/// A blow in words.
pub fn write(blow: Blow) -> String {
    let name = |host: HostId| format!("n{}", host.0 + 1);
    match blow {
        Blow::Crash(it) => format!("kill {}", name(it)),
        Blow::Restart(it) => format!("start {}", name(it)),
        Blow::Sleep(it, lasting) => format!("sleep {} for {lasting}ms", name(it)),
        Blow::Cut(from, to, false) => format!("cut {} {}", name(from), name(to)),
        Blow::Cut(from, to, true) => format!("cut {} {} {ONE_WAY}", name(from), name(to)),
        Blow::Mend(from, to) => format!("mend {} {}", name(from), name(to)),
        Blow::Isolate(it) => format!("cut {}", name(it)),
        Blow::Rejoin(it) => format!("mend {}", name(it)),
        Blow::Toggle => "toggle".to_owned(),
        Blow::Corrupt(it) => format!("corrupt {}", name(it)),
        Blow::Reset(it, ahead) => format!("reset {} to {ahead}ms", name(it)),
        Blow::Drift(it, permille) => format!("drift {} to {permille}", name(it)),
        Blow::Burden(it, long) => format!("burden {} with {long}ms", name(it)),
        Blow::Muffle(it, longer) => format!("muffle {} with {longer}ms", name(it)),
        Blow::Relieve(it) => format!("relieve {}", name(it)),
        Blow::Rot(it, part) => {
            let found = PARTS.iter().find(|(known, _)| *known == part);
            let (_, word) = found.expect("every part has a word");
            format!("rot {} {word}", name(it))
        }
        Blow::Fill(it) => format!("fill {}", name(it)),
        Blow::Clear(it) => format!("clear {}", name(it)),
        Blow::Copy(it) => format!("copy {}", name(it)),
        Blow::Rewind(it) => format!("rewind {}", name(it)),
        Blow::Twin(it) => format!("twin {}", name(it)),
    }
}

/// Reads the words of a blow; `None` when the first of them is the word for none.
pub fn read(words: &[&str]) -> Option<Result<Blow, StageError>> {
    let (first, rest) = words.split_first()?;
    let one = |make: fn(HostId) -> Blow| hosted(rest, |it, rest| rest.is_empty().then(|| make(it)));
    Some(match *first {
        "kill" => one(Blow::Crash),
        "start" => one(Blow::Restart),
        "corrupt" => one(Blow::Corrupt),
        "relieve" => one(Blow::Relieve),
        "fill" => one(Blow::Fill),
        "clear" => one(Blow::Clear),
        "copy" => one(Blow::Copy),
        "rewind" => one(Blow::Rewind),
        "twin" => one(Blow::Twin),
        "toggle" => Ok(Blow::Toggle),
        "sleep" => hosted(rest, |it, rest| Some(Blow::Sleep(it, spoken(rest, "for")?))),
        "reset" => hosted(rest, |it, rest| Some(Blow::Reset(it, spoken(rest, "to")?))),
        "burden" => hosted(rest, |it, rest| {
            Some(Blow::Burden(it, spoken(rest, "with")?))
        }),
        "muffle" => hosted(rest, |it, rest| {
            Some(Blow::Muffle(it, spoken(rest, "with")?))
        }),
        "drift" => hosted(rest, |it, rest| match rest {
            ["to", permille] => Some(Blow::Drift(it, permille.parse().ok()?)),
            _ => None,
        }),
        "rot" => hosted(rest, |it, rest| {
            let found = PARTS.iter().find(|(_, word)| rest == [*word]);
            found.map(|(part, _)| Blow::Rot(it, *part))
        }),
        "cut" => hosted(rest, |from, rest| match rest {
            [] => Some(Blow::Isolate(from)),
            [to] => Some(Blow::Cut(from, host(to).ok()?, false)),
            [to, ONE_WAY] => Some(Blow::Cut(from, host(to).ok()?, true)),
            _ => None,
        }),
        "mend" => hosted(rest, |from, rest| match rest {
            [] => Some(Blow::Rejoin(from)),
            [to] => Some(Blow::Mend(from, host(to).ok()?)),
            _ => None,
        }),
        _ => return None,
    })
}

/// A blow on a host: its name comes first, and what follows is read by `rest`.
fn hosted(
    words: &[&str],
    rest: impl FnOnce(HostId, &[&str]) -> Option<Blow>,
) -> Result<Blow, StageError> {
    let Some((name, others)) = words.split_first() else {
        return Err(StageError::BadWord { what: "a host" });
    };
    let what = "what befalls the host";
    rest(host(name)?, others).ok_or(StageError::BadWord { what })
}

/// `for 500ms`, or another word before it.
fn spoken(words: &[&str], before: &str) -> Option<u64> {
    let [word, lasting] = words else {
        return None;
    };
    span(lasting).filter(|_| *word == before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::{Kind, Scenario};

    #[test]
    fn whatever_fate_strikes_has_words_that_can_be_read() {
        let drawn = |kind: Kind| (0..20).map(move |seed| Scenario::draw(kind, seed));
        let mut kinds = std::collections::BTreeSet::new();
        for (_, blow) in Kind::ALL
            .into_iter()
            .flat_map(drawn)
            .flat_map(|it| it.fate.blows)
        {
            let words = write(blow);
            let split: Vec<&str> = words.split(' ').collect();
            kinds.insert(split[0].to_owned());
            assert_eq!(read(&split), Some(Ok(blow)), "{words}");
        }
        assert_eq!(kinds.len(), 18, "{kinds:?}");
    }

    #[test]
    fn words_that_are_no_blow_are_refused() {
        for words in [
            "cut",
            "cut n0",
            "kill",
            "kill n2 n3",
            "sleep n1",
            "drift n1 to 1s",
            "rot n1 it",
        ] {
            let split: Vec<&str> = words.split(' ').collect();
            assert!(matches!(read(&split), Some(Err(_))), "{words}");
        }
        assert!(read(&["dance"]).is_none());
    }
}
