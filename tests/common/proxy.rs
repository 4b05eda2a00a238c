//! A TCP proxy in front of the API server whose connections can be cut all at once.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use tempfile::TempDir;

use super::live::Cluster;

/// The proxy; it ends with its last connection once the test is over.
pub struct Proxy {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    home: TempDir,
}

impl Proxy {
    /// A proxy to the API server of a cluster.
    pub fn to(cluster: &Cluster) -> Self {
        let server = cluster.kubectl(["config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"]);
        let target = server.expect_code(0).stdout.trim().trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = Arc::clone(&open);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else { continue };
                let both = [&client, &server].map(|s| s.try_clone().unwrap());
                kept.lock().unwrap().extend(both);
                pump(&client, &server);
                pump(&server, &client);
            }
        });
        Self { port, open, home: TempDir::new().unwrap() }
    }

    /// The cluster, reached through this proxy.
    pub fn cluster(&self, cluster: &Cluster) -> Cluster {
        let mut config = cluster.kubectl(["config", "view", "--raw", "--minify", "-o", "json"]).expect_code(0).json();
        config["clusters"][0]["cluster"]["server"] = format!("https://127.0.0.1:{}", self.port).into();
        let kubeconfig = self.home.path().join("kubeconfig");
        fs::write(&kubeconfig, config.to_string()).unwrap();
        Cluster { kubeconfig }
    }

    /// Cuts every connection, and says how many there were. New ones are taken at once.
    pub fn cut(&self) -> usize {
        let open = std::mem::take(&mut *self.open.lock().unwrap());
        let alive = open.iter().filter(|s| s.shutdown(Shutdown::Both).is_ok()).count();
        alive / 2
    }
}

/// Carries bytes one way until either end is gone.
fn pump(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        let mut carry = || -> io::Result<()> {
            loop {
                match from.read(&mut buffer)? {
                    0 => return Ok(()),
                    n => to.write_all(&buffer[..n])?,
                }
            }
        };
        // However it ended, the other end learns of it.
        let _ = carry();
        let _ = to.shutdown(Shutdown::Write);
    });
}
