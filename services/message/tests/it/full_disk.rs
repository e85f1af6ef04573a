//! A disk that is full, and then is not any more. A real one: a small file system in memory.

use std::{io::Write, path::Path, process::Command};

use serde_json::{Value, json};

use crate::app::App;

/// A file system of its own; gone when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Nothing where the system does not let us mount one.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.path().join("filler")).unwrap();
        while file.write_all(&[0; 4_096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.path()).status().ok();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_posts_and_recovers_by_itself() {
    let Some(disk) = Disk::mount("3m") else {
        println!("skipped: mounting a small file system takes root on Linux");
        return;
    };
    // That of a database server is not for the tests to fill.
    let app = App::on(disk.path(), &[("DATABASE_URL", "")]);
    let mut acknowledged: Vec<Value> = Vec::new();
    for n in 0..20 {
        acknowledged.push(app.say(&format!("before {n}")).await);
    }
    disk.fill();
    // What SQLite has already reserved still holds some posts.
    let refused = loop {
        let answer = app.post(json!({"content": "x".repeat(4_000), "user": "alice"})).await;
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(answer.json());
        assert!(acknowledged.len() < 1_000, "the disk does not fill");
    };
    assert_eq!(refused.refusal(), (507, "storage_full".to_owned()));
    // It stays so: the probe must not succeed where a post would fail.
    for n in 0..40 {
        let ready = app.get("/readyz").await;
        assert_eq!(ready.refusal(), (503, "not_ready".to_owned()), "look {n}");
        assert!(ready.header("retry-after").is_some());
        assert_eq!(app.get("/health").await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let again = app.post(json!({"content": "x".repeat(4_000), "user": "alice"})).await;
    assert_eq!(again.refusal(), (507, "storage_full".to_owned()));
    let newest = app.list("?limit=200").await;
    assert_eq!(newest.last(), acknowledged.last(), "reading goes on");

    disk.free();
    app.eventually("/readyz", |answer| answer.status == 200).await;
    acknowledged.push(app.say("after").await);
    let mut stored: Vec<Value> = Vec::new();
    while stored.len() < acknowledged.len() {
        let page = app.list(&format!("?after={}&limit=200", stored.len())).await;
        assert!(!page.is_empty(), "{} of {} are left", stored.len(), acknowledged.len());
        stored.extend(page);
    }
    assert_eq!(stored, acknowledged);
}
