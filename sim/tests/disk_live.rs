//! Files as code on a node sees them: the same steps in a simulated world and on a real disk, and what a crash
//! does to an operation under way.

use std::cell::Cell;
use std::future::Future;
use std::io::{ErrorKind, SeekFrom};
use std::path::Path;
use std::time::Duration;
use stormglass_sim::fs::{self, Calm, Disk, Fault, FaultRule, File, OpenOptions, PowerLoss};
use stormglass_sim::net::Latency;
use stormglass_sim::{NodeId, Seed, Sim, World};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

thread_local! {
    static HERE: Cell<Option<(World, NodeId)>> = const { Cell::new(None) };
}

/// Runs the code of a node to its end.
fn node<T: 'static>(code: impl Future<Output = T> + 'static) -> T {
    let run = |world: World| async move {
        let node = world.node("a", || async {});
        HERE.set(Some((world, node)));
        world.spawn_on(node, code).await.expect("the node ends")
    };
    Sim::new(Seed(1)).run(run).unwrap()
}

/// Runs the code of a node, crashes it after so many nanoseconds and looks at its disk.
fn crash_after<T: 'static>(
    nanos: u64,
    code: impl Future<Output = ()> + 'static,
    look: impl FnOnce(&mut Disk) -> T + 'static,
) -> T {
    let run = |world: World| async move {
        let node = world.node("a", || async {});
        let task = world.spawn_on(node, code);
        stormglass_sim::time::sleep(Duration::from_nanos(nanos)).await;
        world.crash(node);
        task.await.expect_err("the crash came first");
        world.disk(node, look)
    };
    Sim::new(Seed(1)).run(run).unwrap()
}

/// Does something to the disk of the node that runs.
fn disk<T>(act: impl FnOnce(&mut Disk) -> T) -> T {
    let (world, node) = HERE.get().expect("a node");
    world.disk(node, act)
}

/// True virtual time, in nanoseconds.
fn now() -> u64 {
    let (world, _) = HERE.get().expect("a node");
    world.now().as_nanos() as u64
}

fn for_real<T>(main: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(main)
}

/// Every call once, with its answer: both worlds must give the same ones.
async fn every_call(root: &Path) -> std::io::Result<Vec<String>> {
    let mut said = Vec::new();
    let deep = root.join("a/b");
    fs::create_dir_all(&deep).await?;
    fs::create_dir_all(&deep).await?;
    said.push(format!("{:?}", fs::create_dir(&deep).await.map_err(|error| error.raw_os_error())));
    let path = deep.join("log");
    said.push(format!("{:?}", File::open(&path).await.map(drop).map_err(|error| error.raw_os_error())));
    let mut file = OpenOptions::new().read(true).write(true).create(true).open(&path).await?;
    file.write_all(b"hello world").await?;
    file.flush().await?;
    file.seek(SeekFrom::Start(6)).await?;
    let mut text = String::new();
    file.read_to_string(&mut text).await?;
    said.push(text);
    said.push(format!("{}", file.seek(SeekFrom::End(-5)).await?));
    file.write_all(b"WORLD!").await?;
    file.sync_all().await?;
    said.push(format!("{:?}", file.seek(SeekFrom::Current(-100)).await.map_err(|error| error.kind())));
    let mut four = [0; 4];
    said.push(format!("{} {four:?}", file.read_at(&mut four, 9).await?));
    said.push(format!("{:?}", file.read_exact_at(&mut four, 9).await.map_err(|error| error.kind())));
    said.push(format!("{}", file.write_at(b"J", 0).await?));
    file.write_all_at(b"ell", 1).await?;
    said.push(format!("{}", file.append(b"?").await?));
    said.push(format!("{}", file.metadata().await?.len()));
    file.set_len(5).await?;
    file.sync_data().await?;
    said.push(fs::read_to_string(&path).await?);
    let mut log = OpenOptions::new().append(true).open(&path).await?;
    log.write_all(b" one").await?;
    log.write_all(b" two").await?;
    said.push(format!("at {}", log.stream_position().await?));
    log.shutdown().await?;
    said.push(fs::read_to_string(&path).await?);
    fs::rename(&path, deep.join("new")).await?;
    fs::write(deep.join("more"), "text").await?;
    fs::create_dir(deep.join("dir")).await?;
    fs::sync_dir(&deep).await?;
    File::open(&deep).await?.sync_all().await?;
    said.push(format!("{:?}", fs::read_dir(&deep).await?));
    said.push(format!("{:?}", fs::try_exists(&path).await?));
    said.push(format!("{:?}", fs::metadata(&deep).await?.is_dir()));
    said.push(format!("{:?}", fs::remove_dir(&deep).await.map_err(|error| error.kind())));
    fs::remove_file(deep.join("more")).await?;
    fs::remove_dir(deep.join("dir")).await?;
    said.push(format!("{:?}", fs::read(deep.join("new")).await?.len()));
    fs::remove_dir_all(root.join("a")).await?;
    said.push(format!("{:?}", fs::read_dir(root).await?));
    Ok(said)
}

#[test]
fn both_worlds_answer_alike() {
    let simulated = node(every_call(Path::new("/"))).expect("on a simulated disk");
    let folder = tempfile::tempdir().expect("a folder");
    let real = for_real(every_call(folder.path())).expect("on a real disk");
    assert_eq!(simulated, real);
    assert_eq!(real[0], "Err(Some(17))");
    assert_eq!(real[2], "world");
}

#[test]
fn operations_take_virtual_time() {
    let spent = node(async {
        let sync = Latency::Constant(Duration::from_micros(700));
        disk(|disk| disk.configure(|config| config.sync = sync));
        let file = File::create("/log").await.unwrap();
        let before = now();
        file.append(b"x").await.unwrap();
        let written = now();
        file.sync_all().await.unwrap();
        (before, written - before, now() - written)
    });
    assert_eq!(spent, (5_000, 5_000, 700_000));
}

#[test]
fn relative_paths_begin_at_the_root() {
    node(async {
        fs::write("log", "x").await.unwrap();
        assert_eq!(fs::read("/log").await.unwrap(), b"x");
    });
}

#[test]
fn a_write_under_way_at_a_crash_is_there_in_part() {
    let crash_at = |nanos: u64| {
        let write = async {
            let file = File::create("/log").await.unwrap();
            file.append(b"0123456789").await.unwrap();
            std::future::pending::<()>().await;
        };
        crash_after(nanos, write, |disk| disk.content("/log").unwrap())
    };
    let found = crash_at(9_999);
    assert_eq!(found, b"0123456789"[..found.len()], "a prefix");
    assert_eq!(crash_at(10_000), b"0123456789");
}

#[test]
fn who_stops_waiting_does_not_stop_the_write() {
    node(async {
        let file = File::create("/log").await.unwrap();
        {
            let write = std::pin::pin!(file.append(b"abandoned"));
            assert!(futures::poll!(write).is_pending());
        }
        assert_eq!(disk(|disk| disk.content("/log")).unwrap(), b"");
        stormglass_sim::time::sleep(Duration::from_micros(5)).await;
        assert_eq!(disk(|disk| disk.content("/log")).unwrap(), b"abandoned");
        drop(file);
        {
            let open = std::pin::pin!(File::open("/log"));
            assert!(futures::poll!(open).is_pending());
        }
        stormglass_sim::time::sleep(Duration::from_micros(5)).await;
        assert!(disk(|disk| disk.handles().is_empty()), "nobody has the file that was opened");
    });
}

#[test]
fn a_sync_waits_for_the_write_before_it() {
    node(async {
        let mut file = File::create("/log").await.unwrap();
        fs::sync_dir("/").await.unwrap();
        file.write_all(b"begun").await.unwrap();
        file.sync_all().await.unwrap();
        file.write_all(b", never synced").await.unwrap();
        file.flush().await.unwrap();
        disk(|disk| disk.power_loss(PowerLoss::LoseAll, 0, &mut Calm));
        assert_eq!(fs::read("/log").await.unwrap(), b"begun");
    });
}

#[test]
fn a_file_closes_when_its_last_write_is_over() {
    node(async {
        let mut file = File::create("/log").await.unwrap();
        file.write_all(b"begun").await.unwrap();
        drop(file);
        assert!(disk(|disk| disk.handles().is_empty()));
        assert_eq!(disk(|disk| disk.content("/log")).unwrap(), b"", "nobody waited for it");
        stormglass_sim::time::sleep(Duration::from_micros(5)).await;
        assert_eq!(disk(|disk| disk.content("/log")).unwrap(), b"begun");
    });
}

#[test]
fn a_stream_tells_the_error_of_a_write_at_the_flush() {
    node(async {
        let mut file = File::create("/log").await.unwrap();
        disk(|disk| disk.leave_room(3));
        file.write_all(b"hello").await.expect("only begun");
        assert_eq!(file.flush().await.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read("/log").await.unwrap(), b"hel");
        disk(|disk| disk.fault(FaultRule::new(Fault::SyncError).once()));
        assert_eq!(file.sync_all().await.unwrap_err().raw_os_error(), Some(5));
        file.sync_all().await.expect("the next one lies");
    });
}

#[test]
fn reads_and_names_go_short_and_fail_as_the_disk_says() {
    node(async {
        fs::write("/log", "0123456789").await.unwrap();
        disk(|disk| disk.fault(FaultRule::new(Fault::ShortRead)));
        assert_eq!(fs::read("/log").await.unwrap(), b"0123456789", "a whole read goes on after short ones");
        let mut file = File::open("/log").await.unwrap();
        let mut some = [0; 10];
        assert!((1..=10).contains(&file.read(&mut some).await.unwrap()));
        disk(|disk| disk.fault(FaultRule::new(Fault::ReadError).once()));
        assert_eq!(file.read(&mut some).await.unwrap_err().raw_os_error(), Some(5));
    });
}

#[test]
fn an_old_file_is_dead_after_a_power_loss() {
    node(async {
        let mut file = File::create("/log").await.unwrap();
        file.write_all(b"x").await.unwrap();
        disk(|disk| disk.power_loss(PowerLoss::LoseAll, 0, &mut Calm));
        assert_eq!(file.flush().await.unwrap_err().raw_os_error(), Some(9));
        assert_eq!(file.append(b"x").await.unwrap_err().raw_os_error(), Some(9));
        drop(file);
        assert!(!fs::try_exists("/log").await.unwrap());
    });
}

#[test]
fn a_disk_does_not_look_at_the_clock() {
    node(async {
        let (world, node) = HERE.get().expect("a node");
        world.skew(node, stormglass_sim::time::ClockFault::Freeze);
        let before = now();
        fs::write("/log", "x").await.unwrap();
        assert_eq!(now() - before, 10_000);
    });
}
