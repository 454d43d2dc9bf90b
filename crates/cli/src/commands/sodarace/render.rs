//! `samara sodarace render`: a walk as a picture.

use std::path::Path;

use samara_environments::sodarace;
use samara_journal::RunView;
use samara_qd::{Archive, Elite};
use samara_sodarace::{Conditions, Walker};

use super::{film, source::Source, strip, walk::Walk};
use crate::{
    args::sodarace::Render,
    cells,
    exit::{Exit, Failure, remark},
};

/// What is to be drawn.
struct Subject {
    name: String,
    walker: Walker,
    settings: Conditions,
    ms: u32,
}

pub(super) fn render(args: &Render) -> Result<Exit, Failure> {
    let extension = args.output.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let film = match extension.as_deref() {
        Some("svg") => false,
        Some("gif") => true,
        _ => {
            let hint = "end its name with .svg for a strip of frames, or .gif for a film";
            return Err(Failure::usage(format!("{}: no picture\nhint: {hint}", args.output.display())));
        }
    };
    let mut subject = subject(args)?;
    subject.settings.law = args.law.map_or(subject.settings.law, Into::into);
    if let Some(terrain) = &args.terrain {
        subject.settings.terrain = terrain.clone();
    }
    let ms = args.ms.unwrap_or(subject.ms);
    let frames = if film { ms * film::RATE / 1000 + 1 } else { args.frames };
    let walk = Walk::record(&subject.walker, &subject.settings, ms, frames)
        .map_err(|rejection| Failure::usage(format!("{}: {rejection}", subject.name)))?;
    let bytes = if film {
        film::draw(&walk).map_err(Failure::internal)?
    } else {
        strip::draw(&walk, &heading(&subject, &walk)).into_bytes()
    };
    std::fs::write(&args.output, bytes)
        .map_err(|error| Failure::internal(format!("{} can't be written: {error}", args.output.display())))?;
    remark(&heading(&subject, &walk));
    Ok(Exit::Ok)
}

fn heading(subject: &Subject, walk: &Walk) -> String {
    let last = walk.frames.last().map_or(0.0, |frame| frame.seconds);
    let fitness = match walk.fitness {
        Some(fitness) if walk.settled => format!("{fitness:.2} m in {last:.1} s"),
        Some(_) => "does not come to rest".to_owned(),
        None => "no fitness".to_owned(),
    };
    format!("{}: {fitness}", subject.name)
}

fn subject(args: &Render) -> Result<Subject, Failure> {
    if args.source.is_dir() {
        return of_run(args);
    }
    if args.cell.is_some() {
        return Err(Failure::usage("--cell: only a run has cells\nhint: name a run's folder"));
    }
    let walker = Source::default().walker(&args.source)?;
    let name = args.source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let walker = walker.map_err(|why| Failure::usage(format!("{}: {why}", args.source.display())))?;
    Ok(Subject { name, walker, settings: Conditions::default(), ms: sodarace::DEFAULT_MS })
}

fn of_run(args: &Render) -> Result<Subject, Failure> {
    let view = RunView::open(&args.source)?;
    let header = &view.header;
    if header.environment != sodarace::NAME {
        let what = format!("{}: a run of `{}`", args.source.display(), header.environment);
        return Err(Failure::usage(format!(
            "{what}, which has no creatures\nhint: name a run of `sodarace`"
        )));
    }
    let found = view.replay.population().overall();
    let elite = chosen(found.archive(), args.cell.as_deref(), &args.source)?;
    let (settings, ms) = sodarace::circumstances(&header.config)?;
    // Of several terrains the first; --terrain shows another.
    let settings = settings.into_iter().next().unwrap_or_default();
    let text = found.genome(elite.id).text().into_owned();
    let name = format!("{}, candidate {}", header.experiment, elite.id);
    let walker = Source::default().program(&text)?.map_err(|why| Failure::usage(format!("{name}: {why}")))?;
    Ok(Subject { name, walker, settings, ms })
}

/// The elite of a cell, or the best one.
fn chosen<'a>(archive: &'a Archive, cell: Option<&str>, run: &Path) -> Result<Elite<'a>, Failure> {
    let Some(text) = cell else {
        let best = archive.iter().filter(|elite| elite.rank == 0);
        let best = best.max_by(|a, b| a.objective.total_cmp(&b.objective).then(b.cell.cmp(&a.cell)));
        return best.ok_or_else(|| Failure::usage(format!("{}: the run has no elite yet", run.display())));
    };
    let cell = cells::find(archive, text)?;
    archive.elite(cell).ok_or_else(|| {
        Failure::usage(format!(
            "--cell {text}: the cell is empty\nhint: `samara show` draws which are filled"
        ))
    })
}
