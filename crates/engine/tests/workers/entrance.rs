//! How one gets in at a NATS server: TLS, its token, an account with just the permissions that the guide names, and leaf nodes
//! that sign with NKeys or credentials in samara's place. Servers, certificates and keys are real.

use std::{path::Path, process::Command, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _};
use samara_engine::workers::{Broker, LinkError, NatsDesk, NatsLink};

use crate::{
    nats::{broker, served_by},
    nkeys::{self, Key},
    server::{Server, free_port, is_missing},
    suite::{Kit, Worker, desk, expected, numbers, patient, run},
    transports::TOKEN,
};

/// Why a server does not let somebody in.
async fn refused(broker: &Broker) -> String {
    match NatsDesk::check(broker, TOKEN).await {
        Err(LinkError::Lasting(why)) => why,
        // Whoever waited for this would wait for ever.
        other => panic!("{other:?}"),
    }
}

/// A run whose coordinator comes in one way, and its worker another one.
async fn is_entered(coordinator: &Broker, worker: Broker) {
    let desk = desk(patient());
    let (_stop, _serving) = served_by(coordinator, &desk).await;
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let link = Arc::new(NatsLink::new(worker, TOKEN).unwrap());
    let _worker = Worker::staying(link, Kit::of(&numbers), cache.path(), 3);
    assert_eq!(run(&numbers, &desk, 0, 0.0).await.0.unwrap(), expected().await);
}

/// An authority, a server's certificate and a client's, as `NAME.pem` with `NAME.key` in a folder.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {new} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"));
    std::fs::write(folder.join("server.ext"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        .unwrap();
    std::fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    for name in ["server", "client"] {
        openssl(&format!("req {new} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {name}.ext -out {name}.pem"
        ));
    }
}

/// A server with a certificate of the folder's, which are made first, and more settings of TLS.
fn with_tls(folder: &Path, more: &str) -> Server {
    certificates(folder);
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    Server::start(&format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}\n{more} }}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_certificate_is_of_an_own_authority_is_entered_with_that() {
    if is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let server = with_tls(folder.path(), "");
    let unknown = Broker { url: format!("tls://{}", server.address()), ..Broker::default() };
    let why = refused(&unknown).await;
    assert!(why.contains("TLS") && why.contains("certificate"), "{why}");
    let known = Broker { authorities: Some(file("ca.pem")), ..unknown.clone() };
    // A server that wants TLS gets it though the address does not ask for it.
    let plain = Broker { url: server.url(), ..known.clone() };
    is_entered(&known, plain).await;
    let gone = Broker { authorities: Some(file("no.pem")), ..unknown };
    let why = refused(&gone).await;
    assert!(why.contains("TLS") && why.contains("No such file"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_for_a_certificate_is_entered_with_one_of_its_authority() {
    if is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let server = with_tls(folder.path(), &format!("ca_file: {:?}, verify: true", file("ca.pem")));
    let url = format!("tls://{}", server.address());
    let without = Broker { url, authorities: Some(file("ca.pem")), ..Broker::default() };
    let why = refused(&without).await;
    assert!(why.contains("TLS"), "{why}");
    let with = Broker { certificate: Some((file("client.pem"), file("client.key"))), ..without };
    is_entered(&with, with.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_own_token_lets_in() {
    if is_missing() {
        return;
    }
    let server = Server::start("authorization { token: \"one of the server's\" }");
    let why = refused(&broker(server.url())).await;
    assert!(why.contains("lets nobody in"), "{why}");
    let with = |token: &str| Broker { token: Some(token.to_owned()), ..broker(server.url()) };
    assert!(refused(&with("another one")).await.contains("lets nobody in"));
    is_entered(&with("one of the server's"), with("one of the server's")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_permissions_of_the_examples_account_are_enough() {
    if is_missing() {
        return;
    }
    let example = samara_testing::workspace_file("examples/workers/nats.conf");
    let from = example.find("authorization {").unwrap();
    let to = from + example[from..].find("\n}").unwrap() + 2;
    let account = example[from..to].replace("$NATS_PASSWORD", "secret");
    // Less than most messages have, so that the object store is used, too.
    let server = Server::start(&format!("max_payload: 4096\n{account}"));
    refused(&broker(server.url())).await;
    let user = Some(("samara".to_owned(), "secret".to_owned()));
    let with = Broker { user, ..broker(server.url()) };
    is_entered(&with, with.clone()).await;
    // It may hear nothing else.
    let client = async_nats::ConnectOptions::with_user_and_password("samara".to_owned(), "secret".to_owned());
    let client = client.connect(server.url()).await.unwrap();
    let (mut all, mut own) =
        (client.subscribe(">").await.unwrap(), client.subscribe("samara.>").await.unwrap());
    for _ in 0..2 {
        client.publish("samara.x", "x".into()).await.unwrap();
        own.next().await.unwrap();
    }
    assert!(all.next().now_or_never().flatten().is_none());
}

/// A server of one's own beside a run or on a site, that joins another one and signs there.
fn leaf(hub: u16, entrance: &str) -> Server {
    Server::start(&format!(
        "leafnodes {{ remotes: [ {{ url: \"nats-leaf://127.0.0.1:{hub}\", {entrance} }} ] }}"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaf_nodes_sign_with_nkeys_where_a_cluster_wants_that() {
    if is_missing() {
        return;
    }
    let (user, other, port) = (Key::user(5), Key::user(6), free_port());
    let hub = Server::start(&format!(
        "accounts {{ A {{ users: [ {{ nkey: {} }} ] }} }}\nleafnodes {{ listen: \"127.0.0.1:{port}\" }}",
        user.public
    ));
    refused(&broker(hub.url())).await;
    let leaves = [leaf(port, &format!("nkey: {}", user.seed)), leaf(port, &format!("nkey: {}", user.seed))];
    is_entered(&broker(leaves[0].url()), broker(leaves[1].url())).await;
    // One with another key is alone: a worker there hears of no run.
    let alone = leaf(port, &format!("nkey: {}", other.seed));
    hears_nothing(&alone, &leaves[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaf_nodes_have_credentials_where_a_cluster_has_operators() {
    if is_missing() {
        return;
    }
    let (operator, credentials) = nkeys::operator();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let file = folder.path().join("user.creds");
    std::fs::write(&file, credentials).unwrap();
    let hub = Server::start(&format!("{operator}leafnodes {{ listen: \"127.0.0.1:{port}\" }}"));
    refused(&broker(hub.url())).await;
    let leaves = [0, 1].map(|_| leaf(port, &format!("credentials: {file:?}")));
    is_entered(&broker(leaves[0].url()), broker(leaves[1].url())).await;
}

/// Whether what is said at one server does not come to another one.
async fn hears_nothing(alone: &Server, leaf: &Server) {
    let here = async_nats::connect(alone.url()).await.unwrap();
    let there = async_nats::connect(leaf.url()).await.unwrap();
    let mut heard = here.subscribe("samara.>").await.unwrap();
    here.flush().await.unwrap();
    for _ in 0..20 {
        there.publish("samara.there", "x".into()).await.unwrap();
        there.flush().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    here.publish("samara.here", "x".into()).await.unwrap();
    let first = heard.next().await.unwrap();
    assert_eq!(first.subject.as_str(), "samara.here");
}
