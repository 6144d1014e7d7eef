//! Opens a page in a headless browser: Chromium or Chrome, on the `PATH` or named by the variable `CHROMIUM`. On Debian and Ubuntu:
//! `apt-get install chromium`. Without a browser the tests that need one say so and pass, except where `CI` is `true`: there they
//! fail.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says what it has no browser for"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BROWSER_TIMEOUT: Duration = Duration::from_secs(90);

/// A page after its scripts ran.
pub(crate) struct Seen {
    pub(crate) dom: String,
    /// What the browser's console printed, errors and refusals of the policy included.
    pub(crate) console: Vec<String>,
}

/// Opens a page; `None`, with a message, where there is no browser.
pub(crate) fn open(page: &str) -> Option<Seen> {
    let Some(browser) = find_browser() else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "no Chromium found, and CI is true: install chromium or name it in CHROMIUM"
        );
        eprintln!("skipped: no Chromium on the PATH (apt-get install chromium, or set CHROMIUM to its path)");
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).expect("the page is written");
    let (dom, log) = dump_dom(&browser, folder.path(), &file);
    assert!(dom.contains("</html>"), "the browser gave no page:\n{log}");
    let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Some(Seen { dom, console })
}

fn find_browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// Runs the browser once on a file and gives its document and its log.
///
/// Both go to files, so that neither pipe can fill up while the other is read.
fn dump_dom(browser: &Path, folder: &Path, page: &Path) -> (String, String) {
    let (dom, log) = (folder.join("dom.html"), folder.join("log.txt"));
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg("--window-size=1400,1000")
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&dom).expect("a file"))
        .stderr(File::create(&log).expect("a file"))
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", browser.display()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the browser can be waited for") {
            break status;
        }
        if started.elapsed() > BROWSER_TIMEOUT {
            child.kill().expect("the browser can be stopped");
            child.wait().expect("the browser ended");
            panic!("the browser gave no page in {BROWSER_TIMEOUT:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let read = |file: &Path| String::from_utf8_lossy(&std::fs::read(file).expect("a file")).into_owned();
    assert!(status.success(), "the browser ended with {status}:\n{}", read(&log));
    (read(&dom), read(&log))
}

/// Opens a page in a frame of this width, as a browser's own window is never narrower than 500, and runs a script in it: what it
/// gives, and what the console printed. A list without anything is looked for again for three seconds: charts draw when they have time.
pub(crate) fn run_in(page: &str, width: u32, script: &str) -> Option<(serde_json::Value, Vec<String>)> {
    let page = page.replace('&', "&amp;").replace('"', "&quot;");
    // The page's own policy holds in the frame; the script is the frame's parent's. Without its encoding a browser guesses from
    // whatever arrived first, and the policy then refuses the scripts, whose digests are those of other letters.
    let outer = format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"></head><body><iframe style=\"width:{width}px;height:700px;border:0\" srcdoc=\"{page}\"></iframe><script>\
         const frame = document.querySelector('iframe').contentWindow;\
         const run = ({{ document, innerWidth, innerHeight, scrollY }}) => {{ {script} }};\
         const look = (left) => {{ let found;\
         try {{ found = run(frame); }} catch (error) {{ found = String(error.stack); }}\
         if (left > 0 && Array.isArray(found) && found.length === 0) return setTimeout(look, 250, left - 1);\
         document.body.textContent = ''; document.body.dataset.found = JSON.stringify(found); }};\
         addEventListener('load', () => setTimeout(look, 500, 12));\
         </script></body></html>"
    );
    let seen = open(&outer)?;
    let attribute = seen.dom.split_once("data-found=\"").and_then(|(_, rest)| rest.split_once('"'));
    let (json, _) = attribute.unwrap_or_else(|| panic!("the script gave nothing: {:?}", seen.console));
    let json = json.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    Some((serde_json::from_str(&json).expect("JSON"), seen.console))
}
