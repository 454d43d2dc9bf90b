//! Chromium without a window, told what to do over a pair of pipes: the DevTools protocol, a JSON text and a NUL each way.
//!
//! Nothing here waits for a length of time: whoever asks for something on a page gives a condition, and the browser says
//! when it holds. Complaints of pages and requests that leave the machine are kept.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Place;

/// After so long a condition is taken not to come to hold: many times what it takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    said: File,
    heard: Receiver<Value>,
    session: String,
    asked: u64,
    /// What pages complained of: errors of their scripts and of what they were refused.
    pub(crate) complaints: Vec<String>,
    /// What was asked for.
    pub(crate) requests: Vec<String>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name of a browser that is installed.
fn installed() -> Option<&'static str> {
    let there =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(there)
}

impl Browser {
    /// Starts one; `None` where there is none.
    pub(crate) fn start(place: &Place) -> Option<Self> {
        let name = installed()?;
        let pipes = ["to", "from"].map(|end| place.path(&format!("browser-{end}")));
        let made = Command::new("mkfifo").args(&pipes).status().unwrap();
        assert!(made.success());
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3<\"$0\" 4>\"$1\"; shift 1; exec \"$@\""]).args(&pipes).arg(name);
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        command.args(["--disable-sync", "--disable-dev-shm-usage", "--window-size=1200,900"]);
        // Whatever asks another host than this machine gets no answer, and says so.
        command.arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
        command.arg(format!("--user-data-dir={}", place.path("browser-data").display())).arg("about:blank");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let said = File::options().write(true).open(&pipes[0]).unwrap();
        let hears = BufReader::new(File::open(&pipes[1]).unwrap());
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            for message in hears.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let (complaints, requests) = (Vec::new(), Vec::new());
        let mut browser = Self { child, said, heard, session: String::new(), asked: 0, complaints, requests };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let targets = self.ask("Target.getTargets", &json!({}));
        let pages = targets["targetInfos"].as_array().unwrap();
        let page = pages.iter().find(|target| target["type"] == "page").unwrap();
        let attached =
            self.ask("Target.attachToTarget", &json!({ "targetId": page["targetId"], "flatten": true }));
        attached["sessionId"].as_str().unwrap().clone_into(&mut self.session);
        for domain in ["Page.enable", "Runtime.enable", "Network.enable", "Log.enable"] {
            self.ask(domain, &json!({}));
        }
    }

    /// Asks the browser for something.
    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked_for(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same where it may refuse, such as while it goes to another page. Hears what else it says until it answers.
    fn asked_for(&mut self, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.said.write_all(&[message.to_string().as_bytes(), b"\0"].concat()).unwrap();
        loop {
            let mut heard =
                self.heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{method}: no answer"));
            if heard["id"] == json!(self.asked) {
                let error = heard["error"].take();
                return if error.is_null() { Ok(heard["result"].take()) } else { Err(error) };
            }
            self.hear(&heard);
        }
    }

    fn hear(&mut self, message: &Value) {
        let about = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(about["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => self.complaints.push(about["args"].to_string()),
            "Log.entryAdded" => self.complaints.push(about["entry"].to_string()),
            "Network.requestWillBeSent" => {
                self.requests.push(about["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            _ => {}
        }
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of an expression in the page.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// Waits until a condition holds on the page.
    pub(crate) fn until(&mut self, condition: &str) {
        let begun = Instant::now();
        let parameters = json!({ "expression": format!("!!({condition})"), "returnByValue": true });
        let holds = |answer: &Value| answer["result"]["value"] == json!(true);
        while !self.asked_for("Runtime.evaluate", &parameters).is_ok_and(|answer| holds(&answer)) {
            if begun.elapsed() > PATIENCE {
                let page = self.text("document.body.innerText");
                panic!("it never came to hold that {condition}:\n{page}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until something outside of the page has come about, and hears the browser meanwhile.
    pub(crate) fn wait(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < PATIENCE, "it never came about that {what}");
            self.value("1");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Goes to an address, and waits until its page is there and its script has run.
    pub(crate) fn open(&mut self, address: &str) {
        self.ask("Page.navigate", &json!({ "url": address }));
        self.arrived();
    }

    /// Waits until the page that is coming is there, with its script run.
    fn arrived(&mut self) {
        self.until("document.readyState === 'complete' && document.getElementById('main')");
    }

    /// Does what leads to another page, and waits for it.
    pub(crate) fn leave(&mut self, doing: &str) {
        self.value("void (window.before = true)");
        // The page may be gone before it answers.
        let _ = self.asked_for("Runtime.evaluate", &json!({ "expression": format!("void ({doing})") }));
        self.until("!window.before");
        self.arrived();
    }

    /// Presses a key on the page.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { key };
        let code = if key == "Enter" { 13 } else { 0 };
        for kind in ["keyDown", "keyUp"] {
            let mut parameters = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && (text.chars().count() == 1) {
                parameters["text"] = json!(text);
            }
            self.ask("Input.dispatchKeyEvent", &parameters);
        }
    }

    /// Nothing was complained of, and nothing left this machine.
    pub(crate) fn is_content(&mut self) {
        // Whatever it still has to say comes before this answer.
        self.value("1");
        assert!(self.complaints.is_empty(), "{:#?}", self.complaints);
        let own = |url: &&String| {
            ["http://127.0.0.1:", "data:", "about:", "blob:"].iter().any(|begin| url.starts_with(begin))
        };
        let others: Vec<&String> = self.requests.iter().filter(|url| !own(url)).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}
