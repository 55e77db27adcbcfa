//! Texts for people, cut to size before they travel.
//!
//! What is cut says so, because half a message that looks whole misleads. Nothing here translates or escapes.

/// What stands at the end of a text that was cut.
pub const CUT_MARK: &str = " [cut]";

/// Cuts a text to at most `bytes_max` bytes, the mark included, never inside a character.
///
/// ```
/// use hms_protocol::text::cut;
///
/// assert_eq!(cut("short".to_owned(), 16), "short");
/// assert_eq!(cut("a long complaint".to_owned(), 12), "a long [cut]");
/// ```
pub fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let mark = if CUT_MARK.len() <= bytes_max {
        CUT_MARK
    } else {
        ""
    };
    let room = bytes_max - mark.len();
    let end = (0..=room)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    text.truncate(end);
    text.push_str(mark);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cut_text_fits_and_starts_like_the_whole(text: String, bytes_max in 0_usize..64) {
            let short = cut(text.clone(), bytes_max);
            prop_assert!(short.len() <= bytes_max);
            let kept = short.strip_suffix(CUT_MARK).unwrap_or(&short);
            prop_assert!(text.starts_with(kept));
            prop_assert!(short == text || text.len() > bytes_max);
        }
    }
}
