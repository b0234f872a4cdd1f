//! ORION: market data in, trading signals out. Begin with `serve/mod.rs`.

use anyhow::{Context as _, Result};
use clap::Parser as _;
use orion::cli::{self, Cli, Command, Features, Feed, Log};
use orion::config::{self, Config, FeedKind, Finding, Layers, Loaded};
use orion::handover::Entrance;
use orion::secrets::Secrets;
use orion::serve::Source;
use orion::switches::Switches;
use orion::{
    backtest, backup, bench, difference, doctor, export, features, feed, feed_test, hangup,
    history, hold, inspect, key, log, logs, manual, models, recorder, reload, replay, serve,
    shutdown, signals, status, survey, tail, track, verify,
};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().into_command();
    let environment = cli::environment(std::env::vars_os());
    let done = run(command, environment);
    logs::finish();
    match done {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            logs::last_words(&format!("error: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, environment: Vec<(String, String)>) -> Result<ExitCode> {
    match command {
        Command::Serve(options) if options.hold && !hold::is_held() => {
            hold(&options.settings, environment)
        }
        Command::Serve(options) => {
            serve(&options.settings, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Reload(options) => reload::run(&options, environment).map(|()| ExitCode::SUCCESS),
        Command::Record(settings) => {
            let loaded = load(settings.layers(environment.clone()))?;
            let secrets = Secrets::gather(&loaded.config, &environment)?;
            let runtime = runtime()?;
            let recorded = runtime.block_on(async {
                let asked = shutdown::asked()?;
                recorder::run(loaded.config, &secrets, asked).await
            });
            runtime.shutdown_timeout(shutdown::LAST_MAX);
            recorded.map(|()| ExitCode::SUCCESS)
        }
        Command::Config(cli::Config::Diff(options)) => {
            difference::run(&options, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Check(settings) | Command::Config(cli::Config::Check(settings)) => {
            let checked = cli::check(&settings, environment);
            writeln!(io::stdout(), "{}", checked.text)?;
            Ok(ExitCode::from(checked.exit_code))
        }
        Command::Replay(options) => replay::run(&options, environment).map(|()| ExitCode::SUCCESS),
        Command::Backtest(options) => {
            backtest::run(&options, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Feed(Feed::Test(options)) => {
            runtime()?.block_on(feed_test::run(&options, environment))
        }
        Command::History(options) => {
            let well = runtime()?.block_on(history::run(&options, environment))?;
            Ok(ExitCode::from(u8::from(!well)))
        }
        Command::Export(options) => runtime()?
            .block_on(export::run(&options, environment))
            .map(|()| ExitCode::SUCCESS),
        Command::Backup(options) => backup::run(&options, environment).map(|()| ExitCode::SUCCESS),
        Command::Restore(options) => {
            backup::restore::run(&options, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Verify(options) => {
            let well = runtime()?.block_on(verify::run(&options, environment))?;
            Ok(ExitCode::from(u8::from(!well)))
        }
        Command::TrackRecord(options) => runtime()?
            .block_on(track::run(&options, environment))
            .map(|()| ExitCode::SUCCESS),
        Command::Features(Features::Export(options)) => {
            features::run(&options, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Model(options) => models::run(&options, environment),
        Command::Inspect(options) => {
            inspect::run(&options, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Key(options) => key::run(&options, environment).map(|()| ExitCode::SUCCESS),
        Command::Tail(options) => runtime()?
            .block_on(tail::run(&options, &environment))
            .map(|()| ExitCode::SUCCESS),
        Command::Status(options) => runtime()?
            .block_on(status::run(&options, &environment))
            .map(ExitCode::from),
        Command::Signals(options) => runtime()?
            .block_on(signals::run(&options, &environment))
            .map(|()| ExitCode::SUCCESS),
        Command::Doctor(options) => doctor::run(&options, &environment).map(ExitCode::from),
        Command::Log(Log::Level(options)) => {
            log::run(&options, environment).map(|()| ExitCode::SUCCESS)
        }
        Command::Bench(options) => {
            let well = runtime()?.block_on(bench::run(&options))?;
            Ok(ExitCode::from(u8::from(!well)))
        }
        Command::Completions(options) => {
            manual::complete(&options, &mut io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man(options) => manual::write(&options).map(|()| ExitCode::SUCCESS),
    }
}

/// Holds the socket for a server, which is another process.
fn hold(settings: &cli::Settings, environment: Vec<(String, String)>) -> Result<ExitCode> {
    let entrance = Entrance::find()?;
    let mut layers = settings.layers(environment);
    if let (Ok(layers), Some(flag)) = (&mut layers, entrance.flag()?) {
        layers.flags.push(flag);
    }
    let config = load(layers)?.config;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(hold::run(entrance, &config))
}

/// Serves until asked to end, or until another process has taken over. Whoever started this one to take over is told why it
/// cannot.
fn serve(settings: &cli::Settings, environment: Vec<(String, String)>) -> Result<()> {
    let entrance = Entrance::find()?;
    let complaint = entrance.complaint()?;
    let served = serve_at(entrance, settings, environment);
    if let (Err(error), Some(complaint)) = (&served, complaint) {
        complaint.tell(error);
    }
    served
}

fn serve_at(
    entrance: Entrance,
    settings: &cli::Settings,
    environment: Vec<(String, String)>,
) -> Result<()> {
    let flag = entrance.flag()?;
    let layers = || {
        let mut layers = settings.layers(environment.clone())?;
        layers.flags.extend(flag.clone());
        Ok(layers)
    };
    let config = load(layers())?.config;
    let secrets = Secrets::gather(&config, &environment)?;
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let asked = shutdown::asked()?;
        let asked = async {
            tokio::select! {
                () = asked => {}
                () = hold::gone() => {}
            }
        };
        let switches = Arc::new(Switches::default());
        let keys = |config: &Config| Secrets::gather(config, &environment);
        let hangups = hangup::watch(config.clone(), Arc::clone(&switches), layers, keys)?;
        let source = Source::Settings;
        let served = serve::serve_at(entrance, config, &secrets, source, &switches, asked, greet);
        tokio::select! {
            served = served => served,
            never = hangups => match never {},
        }
    });
    runtime.shutdown_timeout(shutdown::LAST_MAX);
    served
}

/// The settings, with logs begun as they say, and told what is worth knowing of them.
fn load(layers: Result<Layers, Vec<Finding>>) -> Result<Loaded> {
    let loaded = layers.and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| {
        anyhow::anyhow!("the settings cannot run:\n{}", cli::lines(&findings))
    })?;
    logs::begin(&loaded.config.log).context("begin the log")?;
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    for note in survey::notes(&loaded.config) {
        tracing::warn!("{note}");
    }
    Ok(loaded)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")
}

/// Says where to look, once clients are let in.
fn greet(config: &Config, address: SocketAddr) {
    let place = config.data.dir.join(config.market_name());
    let what = match &config.feed.kind {
        FeedKind::Sim => format!("a SIMULATED market, seed {}", config.feed.sim.seed),
        FeedKind::Tape(files) => format!(
            "{} recorded file(s) at speed {}",
            files.len(),
            config.feed.tape.speed
        ),
        FeedKind::Live(_) => format!("live prices of {}", config.feed.kind),
    };
    let scheme = config.server.scheme_end();
    let text = format!(
        "ORION serves {what}\n  \
           open       http{scheme}://{address}/\n  \
           dashboards ws{scheme}://{address}/ws/signals\n  \
           metrics    http://{}/metrics\n  \
           symbols    {}\n  \
           data       {}\n\
         Ctrl-C ends it.\n",
        config.admin.listen,
        feed::symbols(&config.catalog()),
        place.display(),
    );
    // A terminal that is paused holds up who writes to it, and clients are served already.
    std::thread::spawn(move || io::stdout().write_all(text.as_bytes()));
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
