//! The form of an action, its plan before it runs, and its run.
//!
//! A plan reads from top to bottom as it will happen: what, which checks, which steps, what changes, what else does the
//! same. The question stands in the lower frame, with Cancel first. While it runs the same box is the progress.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    footer,
    look::{Look, Slot},
    overlay,
    strip::{Part, Strip, cut, draw_all, wrapped},
};
use crate::{
    app::{
        App,
        acting::{Acting, Planned, Stage},
        columns::Tone,
        fields::{Field, Fields},
    },
    domain::{text::sentence, units},
    plan::{
        Gate, Plan, Refusal, Step,
        errand::Preview,
        gate::{self, Moment, Verdict, check_all},
        kafka::KafkaAnswer,
        op::Rehearsed,
        run::{End, Phase, Run},
    },
};

/// The widest that a plan is drawn.
const WIDEST: usize = 110;
/// Columns of a bar.
const BAR: usize = 10;
/// Columns of the words at the left.
const LABEL: usize = 9;

/// Draws the form of an action.
pub fn fields(app: &App, form: &Fields, look: Look, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width).saturating_sub(4).min(WIDEST);
    let label = form.all.iter().map(|field| field.spec.name.len()).max().unwrap_or(0);
    let mut lines: Vec<Strip> = Vec::new();
    let mut cursor = 0;
    for (at, field) in form.all.iter().enumerate() {
        if at == form.at {
            cursor = lines.len();
        }
        lines.extend(self::field(field, at == form.at, label, look, width));
        if let Some(about) = form.about_config(field).filter(|_| at == form.at) {
            lines.extend(indented(&about, label, look.tone(Tone::Plain), width));
        }
    }
    lines.push(Strip::default());
    if let Some(why) = &form.refusal {
        lines.extend(paragraph(&sentence(why), look.tone(Tone::Bad), width));
    }
    let keys = |name| footer::key_of(app, look, name);
    let help = format!(
        "{} next field, on the last one goes on   {} moves   {} cancels",
        keys("text.accept"),
        keys("text.next"),
        keys("text.cancel")
    );
    lines.push(Strip::of(cut(&help, width), look.tone(Tone::Muted)));
    let mut title = form.spec.title.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let inside = overlay::open(&title, width, lines.len(), look, area, buffer);
    let beyond = lines.len().saturating_sub(usize::from(inside.height));
    let first = cursor.saturating_sub(usize::from(inside.height) / 2).min(beyond);
    draw_all(&lines[first..], buffer, inside);
}

fn field(field: &Field, is_here: bool, label: usize, look: Look, width: usize) -> Vec<Strip> {
    let name = look.style(if is_here { Slot::Focus } else { Slot::Label });
    let mark = if is_here { "▸ " } else { "  " };
    let star = if field.spec.required { "*" } else { " " };
    let head = Strip::of(mark, name).put(field.spec.name, name).put(star, look.tone(Tone::Warn)).pad_to(label + 4);
    let head = if is_here {
        head.then(footer::typed(&field.form, look))
    } else {
        head.put(field.form.text(), look.tone(Tone::Plain))
    };
    let mut lines = vec![head];
    let indent = |text: &str, tone| indented(text, label, look.tone(tone), width);
    if let Some(wrong) = &field.wrong {
        lines.extend(indent(&sentence(wrong), Tone::Bad));
    }
    if is_here {
        let many = if field.spec.many { "; several with a blank between them" } else { "" };
        lines.extend(indent(&format!("{}{many}", field.spec.doc), Tone::Muted));
        if !field.choices.is_empty() {
            let typed = field.form.text();
            let fitting: Vec<&str> =
                field.choices.iter().map(String::as_str).filter(|c| c.starts_with(typed) || typed.is_empty()).collect();
            let all: Vec<&str> = field.choices.iter().map(String::as_str).collect();
            let told = if fitting.is_empty() || fitting == [typed] { all } else { fitting };
            lines.extend(indent(&told.iter().take(12).copied().collect::<Vec<_>>().join("  "), Tone::Muted));
        }
    }
    lines
}

/// A paragraph below a field.
fn indented(text: &str, label: usize, style: Style, width: usize) -> Vec<Strip> {
    let lines = wrapped(text, width.saturating_sub(label + 4)).into_iter();
    lines.map(|line| Strip::default().pad_to(label + 4).put(line, style)).collect()
}

/// Draws the plan or the run; answers with how many lines have no room.
pub fn render(app: &App, look: Look, area: Rect, buffer: &mut Buffer) -> usize {
    let Some(acting) = &app.acting else { return 0 };
    let width = usize::from(area.width).saturating_sub(4).min(WIDEST);
    let (title, lines, foot) = content(app, acting, look, width);
    // The question is never scrolled away.
    let inside = overlay::open(&title, width, lines.len() + foot.len() + 1, look, area, buffer);
    let below = u16::try_from(foot.len()).unwrap_or(u16::MAX).min(inside.height);
    let room = inside.height - below;
    let body = Rect { height: room, ..inside };
    let beyond = lines.len().saturating_sub(usize::from(room));
    let first = acting.scrolled.min(beyond);
    draw_all(&lines[first..], buffer, body);
    draw_all(&foot, buffer, Rect { y: inside.y + room, height: below, ..inside });
    if beyond > 0 {
        let text = format!(" {} ", units::counted(beyond - first, "more line"));
        let strip = Strip::of(if first == beyond { " end ".to_owned() } else { text }, look.style(Slot::Label));
        let at = u16::try_from(strip.width()).unwrap_or(u16::MAX).min(inside.width);
        strip.draw(buffer, Rect { x: inside.right() - at, y: inside.bottom(), width: at, height: 1 }, 0);
    }
    beyond
}

fn content(app: &App, acting: &Acting, look: Look, width: usize) -> (String, Vec<Strip>, Vec<Strip>) {
    match &acting.stage {
        Stage::Asking => {
            let lines = vec![Strip::of("Asking brokers what the plan needs …", look.tone(Tone::Muted))];
            (acting.spec.title.to_owned(), lines, vec![keys(app, look, &[("plan.cancel", "cancel")])])
        }
        Stage::Refused(refusal) => {
            let (lines, foot) = (refused(refusal, look, width), keys(app, look, &[("plan.cancel", "close")]));
            (format!("{}: not possible", acting.spec.title), lines, vec![foot])
        }
        Stage::Planned(planned) => {
            let (lines, foot) = (before(app, planned, look, width), question(app, planned, look, width));
            (title(&planned.plan), lines, foot)
        }
        Stage::Running(run) => (title(&run.plan), under_way(app, run, look, width), foot_of_run(app, run, look)),
    }
}

fn title(plan: &Plan) -> String {
    format!("{} · {} · {}", plan.title, plan.installation, plan.risk.word())
}

fn refused(refusal: &Refusal, look: Look, width: usize) -> Vec<Strip> {
    let mut lines = paragraph(&sentence(&refusal.why), look.tone(Tone::Bad), width);
    for hint in &refusal.hints {
        lines.extend(paragraph(hint, look.tone(Tone::Plain), width));
    }
    lines
}

/// The plan before anybody has said yes.
fn before(app: &App, planned: &Planned, look: Look, width: usize) -> Vec<Strip> {
    let plan = &planned.plan;
    let mut lines = paragraph(&plan.sentence, look.tone(Tone::Plain), width);
    for detail in &plan.details {
        lines.extend(labelled("", detail, look.tone(Tone::Plain), look, width));
    }
    if let Some((_, at, is_unsure)) = &planned.resumes {
        let what = if *is_unsure { "was cut off within" } else { "stopped before" };
        let text = format!("an earlier run {what} step {}; what it did is not done again", at + 1);
        lines.extend(labelled("resumes", &text, look.tone(Tone::Warn), look, width));
    }
    for warning in plan.warnings.iter().chain(planned.preview.iter().flat_map(|p| &p.notes)) {
        lines.extend(labelled("mind", warning, look.tone(Tone::Warn), look, width));
    }
    lines.extend(steps(app, planned, look, width));
    for one in app.equivalents(plan) {
        let note = if one.runnable { "" } else { "   (closest)" };
        lines.extend(labelled("same as", &format!("{}{note}", one.text), look.tone(Tone::Muted), look, width));
    }
    if !plan.undo.is_empty() && !plan.is_empty() {
        lines.extend(labelled("undo", &plan.undo, look.tone(Tone::Plain), look, width));
    }
    lines
}

/// What is checked, done and waited for, step by step, and what trying it has shown.
fn steps(app: &App, planned: &Planned, look: Look, width: usize) -> Vec<Strip> {
    let mut lines = Vec::new();
    let reading = app.reading_of(&planned.plan.installation);
    let first = planned.plan.steps.first();
    for (at, step) in planned.plan.steps.iter().enumerate() {
        let number = format!("{}", at + 1);
        lines.extend(labelled(&number, &step.title, look.style(Slot::Title), look, width));
        let like_first = |all: &[Gate], of: fn(&Step) -> &[Gate]| {
            at > 0 && all.len() > 1 && first.is_some_and(|first| gate::are_alike(all, of(first)))
        };
        if like_first(&step.before, |step| &step.before) {
            lines.extend(labelled("check", "the same, when it is its turn", look.tone(Tone::Muted), look, width));
        } else if let Some(reading) = reading {
            for (title, verdict) in check_all(&step.before, &Moment { reading, since: None }) {
                lines.extend(self::gate("check", &title, &verdict, look, width));
            }
        }
        let before = planned.plan.steps[..at].iter().find(|one| gate::are_alike(&one.after, &step.after));
        if before.is_some() && step.after.len() > 1 {
            lines.extend(labelled("wait", "for the same", look.tone(Tone::Plain), look, width));
        } else {
            for after in &step.after {
                let text = format!("{}, within {}", after.title(), units::duration(i64::from(step.within_s)));
                lines.extend(labelled("wait", &text, look.tone(Tone::Plain), look, width));
            }
        }
        let Some(rehearsed) = planned.preview.as_ref().and_then(|preview| preview.steps.get(at)) else { continue };
        lines.extend(self::rehearsed(rehearsed, look, width));
    }
    if planned.preview.is_none() {
        lines.extend(labelled("try", "it is being tried without doing it …", look.tone(Tone::Muted), look, width));
    }
    lines
}

fn rehearsed(what: &Rehearsed, look: Look, width: usize) -> Vec<Strip> {
    match what {
        Rehearsed::Fine(diff) if diff.is_empty() => {
            labelled("tried", "it would be done", look.tone(Tone::Good), look, width)
        }
        Rehearsed::Fine(diff) => diff.iter().flat_map(|line| diff_line(line, look, width)).collect(),
        Rehearsed::Untried(why) => labelled("tried", &format!("not: {why}"), look.tone(Tone::Muted), look, width),
        Rehearsed::Already(what) => labelled("tried", what, look.tone(Tone::Good), look, width),
        Rehearsed::Failed(why) => labelled("tried", &sentence(&why.words()), look.tone(Tone::Bad), look, width),
    }
}

fn diff_line(line: &str, look: Look, width: usize) -> Vec<Strip> {
    let tone = match line.chars().next() {
        Some('+') => Tone::Good,
        Some('-') => Tone::Bad,
        _ => Tone::Muted,
    };
    labelled("diff", line, look.tone(tone), look, width)
}

/// The question, or why there is none.
fn question(app: &App, planned: &Planned, look: Look, width: usize) -> Vec<Strip> {
    let mut lines = vec![Strip::default()];
    if let Some(why) = &planned.refused {
        lines.extend(paragraph(&sentence(why), look.tone(Tone::Bad), width));
    }
    if let Some(form) = &planned.typing {
        let name = planned.plan.typed.as_deref().unwrap_or_default();
        let ask = Strip::of(format!("Type {name} and press Enter; Esc goes back: "), look.tone(Tone::Warn));
        lines.push(ask.then(footer::typed(form, look)));
        return lines;
    }
    let refuses = planned.preview.as_ref().and_then(Preview::refuses);
    if planned.plan.is_empty() || refuses.is_some() {
        if let Some(why) = refuses {
            lines.extend(paragraph(&sentence(&format!("not possible: {why}")), look.tone(Tone::Bad), width));
        }
        lines.push(keys(app, look, &[("plan.cancel", "close"), ("plan.dry-run", "try again"), ("plan.copy", "copy")]));
        return lines;
    }
    let flash = app.guard.flashes();
    let cancel =
        Strip::of("[ Cancel ]", look.style(if flash { Slot::Banner } else { Slot::Selected })).put("   ", Style::new());
    let verb = planned.plan.title.split(' ').next().unwrap_or("go").to_lowercase();
    let others = keys(app, look, &[("plan.go", &verb), ("plan.dry-run", "try again"), ("plan.copy", "copy commands")]);
    lines.push(cancel.then(others));
    lines
}

/// The run: steps with what came of them, and what it waits for.
fn under_way(app: &App, run: &Run, look: Look, width: usize) -> Vec<Strip> {
    let mut lines = Vec::new();
    for (at, step) in run.plan.steps.iter().enumerate() {
        let is_done = at < run.at || run.end == Some(End::Done);
        let is_here = at == run.at && !is_done;
        let (mark, tone) = match (is_done, is_here) {
            (true, _) => ("●", Tone::Good),
            (_, true) if run.end.is_some() => ("▲", Tone::Bad),
            (_, true) => ("▸", Tone::Plain),
            _ => ("○", Tone::Muted),
        };
        let state = if is_here && run.end.is_none() { phase(app, run) } else { String::new() };
        let text = format!("{mark} {}{state}", step.title);
        lines.extend(labelled(&format!("{}", at + 1), &text, look.tone(tone), look, width));
        if is_here && run.end.is_none() {
            for (title, verdict) in &run.gates {
                lines.extend(gate(
                    if run.phase == Phase::Before { "check" } else { "wait" },
                    title,
                    verdict,
                    look,
                    width,
                ));
            }
        }
    }
    for said in &run.said {
        let text = format!("{}  {}", said.at.format("%H:%M:%S"), said.text);
        lines.extend(labelled("", &text, look.tone(Tone::Muted), look, width));
    }
    if let Some(KafkaAnswer::Password { user, password }) = &run.made {
        // It is shown to the one person it was made for, and nowhere else.
        let shown = String::from_utf8_lossy(password.reveal());
        let text = format!("password of {user}, shown once: {shown}");
        lines.extend(labelled("made", &text, look.tone(Tone::Warn), look, width));
    }
    lines
}

fn phase(app: &App, run: &Run) -> String {
    let elapsed = units::age(app.now, run.since);
    match run.phase {
        Phase::Opening => " – opening the journal".to_owned(),
        Phase::Before if run.paused => format!(" – paused for {elapsed}"),
        Phase::Before => format!(" – checking, {elapsed}"),
        Phase::Doing => format!(" – under way, {elapsed}"),
        Phase::After => format!(" – waiting, {elapsed}"),
        Phase::Closing | Phase::Over => String::new(),
    }
}

fn foot_of_run(app: &App, run: &Run, look: Look) -> Vec<Strip> {
    let elapsed = units::age(app.now, run.started_at);
    let last = match &run.end {
        Some(End::Done) => Strip::of("● Done.", look.tone(Tone::Good)),
        Some(end) => {
            let text = format!("▲ {}: {}", end.word(), sentence(end.why().unwrap_or_default()));
            Strip::of(text, look.tone(Tone::Bad))
        }
        None => Strip::of(format!("under way for {elapsed}"), look.tone(Tone::Plain)),
    };
    let rows: &[(&str, &str)] = if run.is_under_way() {
        let pause = if run.paused { "go on" } else { "pause before the next step" };
        &[("plan.cancel", "hide"), ("plan.pause", pause), ("plan.abort", "abort before the next step")]
    } else {
        &[("plan.cancel", "close")]
    };
    vec![Strip::default(), last, keys(app, look, rows)]
}

/// The run in one line, for the footer of whatever is shown meanwhile.
pub fn in_one_line(app: &App, look: Look) -> Option<Part> {
    let run = app.the_run()?;
    let (text, tone) = match &run.end {
        Some(End::Done) => (format!("● {}: done", run.plan.title), Tone::Good),
        Some(end) => (format!("▲ {}: {}", run.plan.title, end.word()), Tone::Bad),
        None => {
            let step = run.step().map(|step| step.title.clone()).unwrap_or_default();
            let paused = if run.paused { ", paused" } else { "" };
            (format!("▸ {} of {}: {step}{paused}", run.at + 1, run.plan.steps.len()), Tone::Warn)
        }
    };
    Some(Part::new(0, Strip::of(text, look.tone(tone))))
}

fn gate(label: &str, title: &str, verdict: &Verdict, look: Look, width: usize) -> Vec<Strip> {
    let (mark, tone) = match verdict {
        Verdict::Pass(_) => ("●", Tone::Good),
        Verdict::Wait(_) => ("◌", Tone::Warn),
        Verdict::Fail(_) => ("▲", Tone::Bad),
    };
    let words = verdict.words();
    let bar = progress(words).map(|bar| format!("{bar} ")).unwrap_or_default();
    let text = if words.is_empty() { format!("{mark} {title}") } else { format!("{mark} {title}: {bar}{words}") };
    labelled(label, &text, look.tone(tone), look, width)
}

/// A bar for words that count: `41 of 43`.
fn progress(words: &str) -> Option<String> {
    let (done, of) = words.split_once(" of ")?;
    let (done, of): (usize, usize) = (done.parse().ok()?, of.parse().ok()?);
    let full = (done * BAR).checked_div(of)?.min(BAR);
    Some(format!("{}{}", "█".repeat(full), "░".repeat(BAR - full)))
}

/// A paragraph with a word at its left.
fn labelled(label: &str, text: &str, style: Style, look: Look, width: usize) -> Vec<Strip> {
    let lines = wrapped(text, width.saturating_sub(LABEL).max(10));
    let each = lines.into_iter().enumerate().map(|(at, line)| {
        let label = if at == 0 { label } else { "" };
        Strip::of(label, look.style(Slot::Label)).pad_to(LABEL).put(line, style)
    });
    each.collect()
}

fn paragraph(text: &str, style: Style, width: usize) -> Vec<Strip> {
    wrapped(text, width).into_iter().map(|line| Strip::of(line, style)).collect()
}

/// Keys with what they do.
fn keys(app: &App, look: Look, rows: &[(&str, &str)]) -> Strip {
    let mut strip = Strip::default();
    for (name, what) in rows {
        strip = strip
            .put(footer::key_of(app, look, name), look.style(Slot::Key))
            .put(format!(" {what}   "), look.tone(Tone::Plain));
    }
    strip
}
