//! Spans, ages, sizes and counts, as people write and read them.

use std::time::Duration;

use hms_client::domain::time::Moment;

/// Reads a span: a whole number and a unit, for example `500ms`, `2s`, `5m`, `1h`, `7d`.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let form = "a span is a number and a unit: 500ms, 2s, 5m, 1h, 7d";
    let digits = text.len()
        - text
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("{text:?}: {form}"))?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{text:?}: {form}")),
    };
    match number.checked_mul(unit_ms) {
        None => Err(format!("{text:?} is too long")),
        Some(0) => Err(format!("{text:?}: a span must be longer than nothing")),
        Some(span_ms) => Ok(Duration::from_millis(span_ms)),
    }
}

/// A span in milliseconds in at most two digits of detail: `7 ms`, `1.2 s`, `3 min`, `2 h`, `5 d`.
pub(crate) fn span(span_ms: u64) -> String {
    match span_ms {
        0..1_000 => format!("{span_ms} ms"),
        1_000..60_000 => format!("{}.{} s", span_ms / 1_000, span_ms % 1_000 / 100),
        60_000..7_200_000 => format!("{} min", span_ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", span_ms / 3_600_000),
        _ => format!("{} d", span_ms / 86_400_000),
    }
}

/// How long ago something was.
pub(crate) fn age(at: Moment, now: Moment) -> String {
    format!("{} ago", span(now.since_ms(at)))
}

/// A number of bytes: `7 B`, `12 KiB`, `3 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

/// So many of something: `1 task`, `2 tasks`.
pub(crate) fn count(number: u64, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        for (text, span_ms) in [
            ("500ms", 500),
            ("2s", 2_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(parse_span(text), Ok(Duration::from_millis(span_ms)));
        }
        for bad in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "5 s",
            "0s",
            "99999999999999999999s",
            "5w",
        ] {
            assert!(parse_span(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(
            parse_span(&format!("{}d", u64::MAX))
                .unwrap_err()
                .contains("too long")
        );
    }

    #[test]
    fn spans_and_sizes_read_well() {
        let spans = [7, 1_250, 59_999, 180_000, 7_200_000, 200_000_000].map(span);
        assert_eq!(spans, ["7 ms", "1.2 s", "59.9 s", "3 min", "2 h", "2 d"]);
        assert_eq!([7, 2_048, 5_242_880].map(size), ["7 B", "2 KiB", "5 MiB"]);
        assert_eq!(age(Moment(1_000), Moment(3_000)), "2.0 s ago");
        assert_eq!(age(Moment(9), Moment(3)), "0 ms ago");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "entry"), "1 entry");
        assert_eq!(count(2, "entry"), "2 entries");
        assert_eq!(count(0, "task"), "0 tasks");
    }
}
