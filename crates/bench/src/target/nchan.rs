//! nginx with Debian's nchan module, on a configuration and folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::Pid;
use tempfile::TempDir;

use super::child::{Child, free_address};
use super::lab::Lab;
use super::server::{Publish, Server, Shape};
use crate::load::crowd::Stream;
use crate::usage;

const NGINX: &str = "/usr/sbin/nginx";
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

pub(crate) struct Nchan {
    workers: Vec<Pid>,
    stream: Stream,
    publish: Publish,
    _master: Child,
    _folder: TempDir,
}

pub(crate) fn absent() -> Option<String> {
    let missing = [NGINX, MODULE].into_iter().find(|path| !Path::new(path).exists())?;
    Some(format!("{missing} is missing; install nginx and libnginx-mod-nchan"))
}

pub(crate) fn settings(lab: &Lab) -> String {
    let nginx = Command::new(NGINX).arg("-v").output().map(|output| output.stderr);
    let nchan = Command::new("dpkg-query")
        .args(["-W", "-f=${Version}", "libnginx-mod-nchan"])
        .output()
        .map(|output| output.stdout);
    let text = |bytes: std::io::Result<Vec<u8>>| {
        let bytes = bytes.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        if text.is_empty() { "unknown".into() } else { text }
    };
    format!(
        "{}, libnginx-mod-nchan {}, worker_processes {}, nchan_message_buffer_length 20000, \
         nchan_shared_memory_size 512M, eventsource ping every 15 s, access log off",
        text(nginx),
        text(nchan),
        lab.nchan_workers
    )
}

impl Nchan {
    pub(crate) fn start(lab: &Lab) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let to = free_address()?;
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), to, lab.nchan_workers))?;
        let mut command = Command::new(NGINX);
        command.arg("-c").arg(&file).arg("-p").arg(folder.path());
        let mut master = Child::spawn(command, folder.path(), "nginx")?;
        master.wait_ready(to, "/readyz")?;
        let workers = usage::children(master.pid())?;
        ensure!(
            workers.len() >= lab.nchan_workers as usize,
            "nginx started {} workers instead of {}",
            workers.len(),
            lab.nchan_workers
        );
        let stream = Stream {
            to,
            also: Vec::new(),
            path: "/sub".into(),
            says_ready: false,
            ids_grow: false,
            by_name: false,
        };
        let publish = Publish { to, path: "/pub", shape: Shape::Event };
        Ok(Self { workers, stream, publish, _master: master, _folder: folder })
    }
}

impl Server for Nchan {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn publish(&self) -> &Publish {
        &self.publish
    }

    fn pids(&self) -> Vec<Pid> {
        self.workers.clone()
    }
}

/// `user root` because the temporary folder is its owner's alone; nginx ignores the line, with a
/// warning, when it is not root. A worker needs a descriptor per client.
fn configuration(folder: &Path, to: SocketAddr, workers: u32) -> String {
    let folder = folder.display();
    format!(
        "load_module {MODULE};
user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_processes {workers};
worker_rlimit_nofile 20000;
events {{ worker_connections 19000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    tcp_nodelay on;
    nchan_shared_memory_size 512M;
    server {{
        listen {to} backlog=4096;
        location = /readyz {{ return 200 ok; }}
        location = /pub {{
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 20000;
            nchan_message_timeout 10m;
        }}
        location = /sub {{
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
            nchan_eventsource_ping_interval 15;
        }}
    }}
}}
"
    )
}
