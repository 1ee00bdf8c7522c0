//! Conversations that were replaced by a summary.
//!
//! A client that wants its history shortened ends the input with a `compaction_trigger`, or calls
//! `…/responses/compact`. The upstream is asked for a summary, which travels in the
//! `encrypted_content` of a `compaction` item and becomes text again when it comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The last user message of a request for a summary.
pub const INSTRUCTION: &str = "\
The conversation above is about to be replaced by a summary that you write now. Whoever continues it \
will see that summary and none of the messages above. Write down everything they need to carry on \
without asking again: what the user wants, in their own words where these matter; rules and \
preferences they gave; what has been done and found out so far, with exact names of files, commands, \
values and identifiers; decisions and their reasons; what failed; what is being done right now and \
the next steps. Leave out what no longer matters. Do not continue the work, do not call tools and do \
not address the user: answer with the summary only.";

/// What stands before a summary when it goes back into a conversation.
const PREAMBLE: &str = "Summary of the conversation so far, which it replaces:\n";

/// The string for `encrypted_content` of a `compaction` item.
pub fn seal_summary(text: &str) -> String {
    format!("{MARK}{}", STANDARD.encode(text))
}

/// The summary in a sealed string, or `None` when the string is not ours.
pub fn open_summary(sealed: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(sealed.strip_prefix(MARK)?).ok()?).ok()
}

/// The user text that takes the place of a `compaction` item.
pub fn expand(summary: &str) -> String {
    format!("{PREAMBLE}{summary}")
}

/// Version mark: foreign strings do not begin like this.
const MARK: &str = "rfc1.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_comes_back() {
        for text in ["", "## Goal\n\"é\" 😀"] {
            assert_eq!(open_summary(&seal_summary(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn foreign_strings_are_ignored() {
        for foreign in ["", "ENCSUM", "gAAAAABo", "rfc1.!", "rfc1./w==", "rf1.e30="] {
            assert_eq!(open_summary(foreign), None, "{foreign}");
        }
    }
}
