//! `losses.csv`: a row a step, written while the training goes on.
//!
//! The file is locked as long as it is open, so that a folder is never trained by two processes at once.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use samara_seedling::train::Progress;

use crate::exit::Failure;

const HEADER: &str = "step,tokens,loss,norm,held_out_text,held_out_answers\n";

/// What is known after a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub step: u64,
    pub tokens: u64,
    pub loss: f64,
    pub norm: f64,
    /// Of texts and of answers, where they were measured.
    pub held_out: Option<(f64, f64)>,
}

impl Row {
    pub(crate) fn of(progress: &Progress) -> Self {
        let Progress { step, tokens, loss, norm, held_out, .. } = *progress;
        Self { step, tokens, loss, norm, held_out }
    }

    /// Shortest decimals that read back as the same numbers.
    fn line(&self) -> String {
        let held_out = self.held_out.map_or(",".to_owned(), |(texts, answers)| format!("{texts},{answers}"));
        format!("{},{},{},{},{held_out}\n", self.step, self.tokens, self.loss, self.norm)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let step = fields.next()?.parse().ok()?;
        let tokens = fields.next()?.parse().ok()?;
        let loss = fields.next()?.parse().ok()?;
        let norm = fields.next()?.parse().ok()?;
        let held_out = match (fields.next()?, fields.next()?) {
            ("", "") => None,
            (texts, answers) => Some((texts.parse().ok()?, answers.parse().ok()?)),
        };
        fields.next().is_none().then_some(Self { step, tokens, loss, norm, held_out })
    }
}

/// The open file, and its rows.
#[derive(Debug)]
pub(crate) struct Losses {
    path: PathBuf,
    header: &'static str,
    file: File,
    rows: Vec<Row>,
}

impl Losses {
    /// Opens and locks the file; it is made if need be, and nothing in it is changed yet.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_with(path, HEADER)
    }

    /// The same with other names of the columns, which have the same meaning: a step's row with two held-out losses.
    pub(crate) fn open_with(path: &Path, header: &'static str) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| broken(path, &error))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Failure::usage(format!(
                "{} is being written by another process\nhint: wait for it, or choose another --out",
                path.display()
            ))),
            // A disk without locks is used without them.
            Err(TryLockError::Error(_)) | Ok(()) => {
                Ok(Self { path: path.to_owned(), header, file, rows: Vec::new() })
            }
        }
    }

    /// Keeps the rows up to a step and drops what stands behind them, or is no row. Says whether all of them are there.
    pub(crate) fn keep(&mut self, step: u64) -> Result<bool, Failure> {
        let mut text = String::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_string(&mut text));
        read.map_err(|error| broken(&self.path, &error))?;
        self.rows.clear();
        let mut end = 0;
        if text.starts_with(self.header) {
            end = self.header.len();
            for line in text[end..].split_inclusive('\n') {
                match line.strip_suffix('\n').and_then(Row::parse) {
                    Some(row) if row.step == self.rows.len() as u64 + 1 && row.step <= step => {
                        self.rows.push(row);
                    }
                    _ => break,
                }
                end += line.len();
            }
        }
        let cut = self.file.set_len(end as u64).and_then(|()| self.file.seek(SeekFrom::End(0)));
        cut.map_err(|error| broken(&self.path, &error))?;
        if end == 0 {
            self.append(self.header)?;
        }
        Ok(self.rows.len() as u64 == step)
    }

    /// Appends a step.
    pub(crate) fn push(&mut self, row: Row) -> Result<(), Failure> {
        self.append(&row.line())?;
        self.rows.push(row);
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), Failure> {
        self.file.write_all(text.as_bytes()).map_err(|error| broken(&self.path, &error))
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

fn broken(path: &Path, error: &std::io::Error) -> Failure {
    let hint = "is there space, and may you write there?";
    Failure::internal(format!("{} can't be read or written: {error}\nhint: {hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> Row {
        let held_out = step.is_multiple_of(2).then_some((1.0 / 3.0, 0.1 + 0.2));
        Row { step, tokens: step * 512, loss: 8.0 / step as f64, norm: 1e-9 / 3.0, held_out }
    }

    #[test]
    fn rows_read_back_as_they_were_and_later_ones_are_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("losses.csv");
        let mut losses = Losses::open(&path).expect("new");
        assert!(losses.keep(0).expect("written"));
        for step in 1..=5 {
            losses.push(row(step)).expect("written");
        }
        assert_eq!(Losses::open(&path).expect_err("locked").exit, crate::exit::Exit::Usage);
        drop(losses);
        let mut losses = Losses::open(&path).expect("unlocked");
        assert!(losses.keep(3).expect("read"));
        assert_eq!(losses.rows(), [row(1), row(2), row(3)]);
        losses.push(row(4)).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        assert_eq!(text, HEADER.to_owned() + &(1..=4).map(|step| row(step).line()).collect::<String>());
    }

    #[test]
    fn what_is_no_row_ends_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("losses.csv");
        for broken in ["", "step\n", "1,2", "1,512,8,1,", "2,512,8,1,,\n", "1,512,8,1,,,\n", "1,512,8,1,2,\n"]
        {
            std::fs::write(&path, HEADER.to_owned() + broken).expect("written");
            let mut losses = Losses::open(&path).expect("opened");
            assert!(!losses.keep(1).expect("read"), "{broken}");
            assert_eq!(std::fs::read_to_string(&path).expect("text"), HEADER, "{broken}");
        }
    }
}
