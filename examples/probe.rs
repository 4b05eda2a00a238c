use kafdeck::{clock::Clock, cmd::session::Session, io::connect::ConnectOptions};
#[tokio::main]
async fn main() {
    let t = std::time::Instant::now();
    let mut s = Session::start(ConnectOptions::default(), None, (80, 24), Clock::real());
    let mut last = String::new();
    while t.elapsed().as_secs() < 12 {
        if let Err(e) = s.step().await {
            println!("{e}");
            return;
        }
        let line = match &s.app.shown {
            Some(x) => format!(
                "{:?} {:?} {:?}",
                x.judgement,
                x.summary,
                x.findings.iter().map(|f| &f.title).collect::<Vec<_>>()
            ),
            None => format!("found {} looked {}", s.app.found.len(), s.app.has_looked()),
        };
        if line != last {
            println!("{:>6} ms {line}", t.elapsed().as_millis());
            last = line;
        }
    }
    for (src, f) in s.app.shown.as_ref().map(|x| x.sources.clone()).unwrap_or_default() {
        println!("{src}: {f:?}");
    }
    for b in &s.app.shown.as_ref().unwrap().brokers {
        println!("{b:?}");
    }
    for b in &s.app.shown.as_ref().unwrap().storage {
        println!("{b:?}");
    }
}
