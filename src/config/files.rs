//! The config directory and its files, read with care: a file may be anything.

use std::{fs, io::Read, path::Path};

use super::problem::Problem;

/// Bytes of the largest file that is read; what is larger is no configuration.
const LARGEST: u64 = 256 * 1024;

/// Reads a file below the config directory; one that is not there is none, one that cannot be read a problem.
pub fn read(dir: &Path, file: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match text_of(&dir.join(file)) {
        Ok(text) => text,
        Err(why) => {
            problems.push(Problem::at(file, 0, why).hint("nothing of it is used"));
            None
        }
    }
}

fn text_of(path: &Path) -> Result<Option<String>, String> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let about = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
        about => about.map_err(|e| e.to_string())?,
    };
    // A pipe would be waited for.
    if !about.is_file() {
        return Err(if about.is_dir() { "is a directory, not a file" } else { "is not a file" }.to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {} KiB", LARGEST / 1024));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// Names of the TOML files in a folder of the config directory, without their ending, sorted.
pub fn names(dir: &Path, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.join(folder)).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned);
    let mut names: Vec<String> = entries.filter_map(name).filter(|n| is_name(n)).collect();
    names.sort();
    names
}

/// True for a name that is a file's and no path.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_file_is_a_problem_and_what_is_not_there_is_none() {
        let dir = tempfile::TempDir::new().unwrap();
        fs::write(dir.path().join("latin.toml"), b"a = \"\xe9\"").unwrap();
        fs::write(dir.path().join("large.toml"), vec![b'#'; 10 * 1024 * 1024]).unwrap();
        fs::create_dir(dir.path().join("config.toml")).unwrap();
        let said = |file| {
            let mut problems = Vec::new();
            assert_eq!(read(dir.path(), file, &mut problems), None, "{file}");
            problems.into_iter().map(|p| p.what).collect::<Vec<_>>()
        };
        assert_eq!(said("latin.toml"), ["is not UTF-8 text"]);
        assert_eq!(said("large.toml"), ["is larger than 256 KiB"]);
        assert_eq!(said("config.toml"), ["is a directory, not a file"]);
        assert_eq!(said("missing.toml"), Vec::<String>::new());
        assert_eq!(said("latin.toml/below.toml"), Vec::<String>::new());
    }
}
