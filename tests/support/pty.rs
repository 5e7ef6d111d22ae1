//! A terminal with the program at it, and somebody who types.

use super::Sandbox;
use super::waiting::PATIENCE;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A program at a terminal of 100 columns.
pub struct Pty {
    keys: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    child: Child,
    seen: usize,
}

impl Pty {
    /// The program under test with `args`.
    pub fn vault(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = sandbox.command("setsid");
        command.args(["-c", "-w", super::VAULT]).args(args).envs(env.iter().copied());
        Self::start(command)
    }

    /// A line for the shell.
    pub fn shell(sandbox: &Sandbox, line: &str) -> Self {
        let mut command = sandbox.command("setsid");
        command.args(["-c", "-w", "sh", "-c", line]);
        Self::start(command)
    }

    /// `command`, which begins with `setsid -c`.
    pub fn start(mut command: Command) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let size = Winsize { ws_row: 50, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&keys, size).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap().into_bytes();
        let name = std::ffi::OsString::from_vec(name);
        let end = || Stdio::from(File::options().read(true).write(true).open(&name).unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(command); // and with it our ends of the terminal
        let keys = File::from(keys);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let reader = std::thread::spawn({
            let (mut from, to) = (keys.try_clone().unwrap(), Arc::clone(&screen));
            move || {
                let mut block = [0; 4096];
                // an error is the end: nobody holds the terminal any more
                while let Ok(read @ 1..) = from.read(&mut block) {
                    to.lock().unwrap().extend_from_slice(&block[..read]);
                }
            }
        });
        Self { keys, screen, reader, child, seen: 0 }
    }

    /// The number of the process at the terminal.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `text` is on the screen, after what was waited for before.
    pub fn expect(&mut self, text: &str) {
        let since = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            let fresh = &screen[self.seen..];
            let at = fresh.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = at {
                self.seen += at + text.len();
                return;
            }
            let shown = String::from_utf8_lossy(fresh);
            assert!(since.elapsed() < PATIENCE, "`{text}` did not come: {shown}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Types.
    pub fn send(&mut self, keys: impl AsRef<[u8]>) {
        self.keys.write_all(keys.as_ref()).unwrap();
    }

    /// Whether what is typed shows.
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.keys).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Sets the terminal as a shell does at its own prompt.
    pub fn set_as_shells_do(&self) {
        let mut shell = tcgetattr(&self.keys).unwrap();
        shell.local_modes |= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&self.keys, OptionalActions::Now, &shell).unwrap();
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keys, size).unwrap();
    }

    /// Waits for the end: the exit code, or 128 and the signal, and all that was on the screen.
    pub fn finish(mut self) -> (i32, Vec<u8>) {
        let since = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code().or(status.signal().map(|signal| 128 + signal)).unwrap();
            }
            if since.elapsed() > PATIENCE {
                _ = self.child.kill();
                let screen = self.screen.lock().unwrap().clone();
                panic!("it does not end: {}", String::from_utf8_lossy(&screen));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        self.reader.join().unwrap();
        let screen = self.screen.lock().unwrap().clone();
        (code, screen)
    }

    /// [`Pty::finish`], as text.
    pub fn end(self) -> (i32, String) {
        let (code, screen) = self.finish();
        (code, String::from_utf8_lossy(&screen).into_owned())
    }
}
