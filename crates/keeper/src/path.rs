//! Paths (upstream: `PathUtils`, and the path helpers of `PrepRequestProcessor`).

use base::Str;
use zk_wire::ErrorCode;

/// Nodes that cannot be deleted.
pub const SPECIAL: [&str; 4] = ["/", "/zookeeper", QUOTA, CONFIG];
/// Where quotas are set.
pub const QUOTA: &str = "/zookeeper/quota";
/// Where the ensemble's configuration is.
pub const CONFIG: &str = "/zookeeper/config";

/// The parent's path (`/` for a child of the root) and the node's name. Neither is checked; `None` without a slash.
pub fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    Some((if parent.is_empty() { "/" } else { parent }, name))
}

/// The first name of a path: what upstream calls its top namespace.
pub fn top(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or_default()
}

/// The parent's path of a path in a request, which shares its memory.
///
/// # Errors
/// As [`parent`].
pub fn parent_of(path: &Str) -> Result<Str, ErrorCode> {
    parent(path).map(|parent| if parent == "/" { ROOT } else { path.slice_ref(parent) })
}

const ROOT: Str = Str::from_static("/");

/// The parent's path of a path in a request.
///
/// # Errors
/// `BADARGUMENTS` without a slash or with a NUL, before anything else is looked at.
pub fn parent(path: &str) -> Result<&str, ErrorCode> {
    match split(path) {
        Some((parent, _)) if !path.contains('\0') => Ok(parent),
        _ => Err(ErrorCode::BAD_ARGUMENTS),
    }
}

/// Whether a node may have this path.
///
/// # Errors
/// `BADARGUMENTS` when it may not.
pub fn validate(path: &str) -> Result<(), ErrorCode> {
    if path == "/" {
        return Ok(());
    }
    let names = path.strip_prefix('/').ok_or(ErrorCode::BAD_ARGUMENTS)?;
    let names_good = names.split('/').all(|name| !matches!(name, "" | "." | ".."));
    let chars_good = !path.chars().any(|c| {
        matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}')
            || c > '\u{ffff}' // two surrogates in upstream's strings
    });
    if names_good && chars_good { Ok(()) } else { Err(ErrorCode::BAD_ARGUMENTS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name() {
        assert_eq!(["/", "/a", "/a/b", ""].map(top), ["", "a", "a", ""]);
    }

    #[test]
    fn good_and_bad_paths() {
        for good in ["/", "/a", "/a/b", "/a.b/..c", "/ü", "/a b", "/\u{ffef}"] {
            assert_eq!(validate(good), Ok(()), "{good:?}");
        }
        for bad in [
            "",
            "a",
            "/a/",
            "//",
            "/a//b",
            "/.",
            "/a/./b",
            "/..",
            "/a\0",
            "/\u{1}",
            "/\u{1f}",
            "/\u{7f}",
            "/\u{9f}",
            "/\u{e000}",
            "/\u{f8ff}",
            "/\u{fff0}",
            "/\u{1f600}",
        ] {
            assert_eq!(validate(bad), Err(ErrorCode::BAD_ARGUMENTS), "{bad:?}");
        }
    }

    #[test]
    fn parents() {
        assert_eq!(split("/a"), Some(("/", "a")));
        assert_eq!(split("/a/b"), Some(("/a", "b")));
        assert_eq!(parent("a"), Err(ErrorCode::BAD_ARGUMENTS));
        assert_eq!(parent("/a\0b/c"), Err(ErrorCode::BAD_ARGUMENTS));
        assert_eq!(parent("x/c"), Ok("x"));
        for (path, expected) in [("/a/b", "/a"), ("/a", "/"), ("//", "/")] {
            assert_eq!(parent_of(&path.into()), Ok(expected.into()), "{path}");
        }
        assert_eq!(parent_of(&"a".into()), Err(ErrorCode::BAD_ARGUMENTS));
    }
}
