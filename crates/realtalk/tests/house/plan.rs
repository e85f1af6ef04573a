//! [`HOUSES`]: the rooms of every crate, from the top down.

/// A crate's source folder, and its rooms.
pub(crate) struct House {
    /// The folder, from the root of the project.
    pub(crate) folder: &'static str,
    /// From the top down: each may use those below it.
    pub(crate) rooms: &'static [Room],
}

/// A place for files that are about the same thing.
pub(crate) struct Room {
    /// Its folders and files: what they are called in the house's own folder, without `.rs`.
    pub(crate) modules: &'static [&'static str],
    /// What lives there.
    pub(crate) what: &'static str,
}

const fn room(modules: &'static [&'static str], what: &'static str) -> Room {
    Room { modules, what }
}

/// Every crate of the project.
pub(crate) const HOUSES: &[House] = &[
    House {
        folder: "services/message/src",
        rooms: &[
            room(&["main", "lib"], "a sentence; `run` wires everything"),
            room(&["import"], "the command that moves all data to another database"),
            room(
                &["routes"],
                "HTTP, one file a resource: extract, parse, call, shape. `openapi` knows all routes, and no route knows it",
            ),
            room(&["state"], "`AppState`, what routes are handed"),
            room(
                &["identity"],
                "who is asking: `caller`, `credential`, and what these are made of: `token` (own ones, and those of an outside issuer), `ticket`, `password`, `guesses`, `cookie`; `accounts` finds and changes accounts",
            ),
            room(&["error"], "all that can go wrong behind a route, and the one match to HTTP"),
            room(
                &["log"],
                "how things become durable and known: `writer` (and its `lanes`, its `upkeep` and the `health` of the store), `head` (how far the log goes); `relay` (tells what is committed, and again until it is taken) and what is `pending` there, `ephemera` (passing facts), `downstream` (where both are told: a notification service, or Redis)",
            ),
            room(
                &["store"],
                "`Store` over either database, and its rules (`plan`, `journal`, `known`); all SQL, in `read/`, `write/`, `rows/` and the files of its nouns, said once for both (`database/`); what is particular to one, in `sqlite/` and `postgres`; from one to the other, `import/`",
            ),
            room(
                &["chat"],
                "the nouns and the rules, pure, without I/O: `access` (who may), `change` (what the writer carries out), `event` (the form of all events), `post`, `message`, `conversation`, `member`, `user`, `username`, `look` (which names are taken for each other) …",
            ),
            room(&["config", "metrics"], "the ground"),
        ],
    },
    House {
        folder: "services/real-time-ntfn/src",
        rooms: &[
            room(&["main", "lib"], "a sentence; `run` wires everything"),
            room(&["routes"], "HTTP, one file a resource; `openapi` as above"),
            room(&["state"], "`AppState`, what routes are handed"),
            room(&["engine"], "where streams run: the choice, `shard/`, `portable/`"),
            room(
                &["ws"],
                "WebSocket without the socket: the protocol (`link`, `inbound`, `close`, `bucket`), and what becomes of what clients say (`mailbox`, `desk`, `said`, `reply`, `service`, `spent`)",
            ),
            room(
                &["opening"],
                "how a stream begins: `admission` (how many, in all and by address), `identity` (asks whose it is, by `enquiries`, many at once), `resume/` (where it goes on, and after how many questions), `history` (what is read once for all), `busy` (what is told to who must come again)",
            ),
            room(
                &["others", "hearing"],
                "the other instances, told and heard over Redis: `hearing` takes what they say to where it belongs",
            ),
            room(
                &["people"],
                "who is there, here and at other instances, and how many streams each has (`presence/`), what they are told that is in no log (`telling`), and what has reached them (`unseen`, `delivery`)",
            ),
            room(
                &["log"],
                "this service's copy of the log: `feed`, who waits for it (`ahead`), what came before what precedes it (`early`), what it knows of sets of users (`known_sets`), and `upstream` (the client of the message service)",
            ),
            room(&["hub"], "where events meet streams; whoever copies its ring follows it"),
            room(
                &["event"],
                "what is carried: `entry` (an event, encoded once), `frame/` (its encodings, heartbeats too), `encoded` (which of them is written), `wire` (which one a stream has), `ring`, `change` (what a deletion does to it), `audiences`, `scope` (who a stream is for), `passing`",
            ),
            room(&["config", "metrics"], "the ground"),
        ],
    },
    House {
        folder: "crates/realtalk/src",
        rooms: &[room(&["main"], "the launcher: settings, both services, operators' commands")],
    },
    House {
        folder: "crates/http/src",
        rooms: &[
            room(&["lib"], "what both services take from here"),
            room(
                &["guard", "prefix", "connections", "operations", "internal"],
                "what wraps an app or a part of it: foreign pages, the path that a proxy puts before `Location`, who may stay connected, health and metrics, the signed hop",
            ),
            room(
                &["request", "body", "query", "bearer", "session_cookie", "held_body"],
                "what comes in: bodies, parameters, the token, and under which name a cookie carries it",
            ),
            room(
                &["origin", "nameless", "host", "address", "rate", "turns"],
                "who may call, and how often",
            ),
            room(&["description", "rejection", "shape", "request_id"], "what goes out"),
            room(
                &["command", "settings", "shutdown", "open_files", "memory"],
                "the process: how it is told, how it ends, and what it may open",
            ),
        ],
    },
    House {
        folder: "crates/common/src",
        rooms: &[
            room(
                &["lib"],
                "what crosses the wire between the services, and the little besides that is the same in both",
            ),
            room(
                &["event", "internal", "problem", "signature"],
                "the envelope of an `event` and the names that both services act on, questions and answers (`internal`), refusals, and who signs",
            ),
            room(
                &["audience", "id", "name", "secret", "backoff", "clock", "telemetry"],
                "what that is made of; who may see an event (`audience`), and the sets of users that events share",
            ),
        ],
    },
    House {
        folder: "crates/bus/src",
        rooms: &[
            room(&["lib"], "what the services take from here"),
            room(&["roster"], "who is connected to each instance, for as long as that says so"),
            room(
                &["publisher", "subscriber"],
                "a connection to say something, and one to hear it, made again and again",
            ),
            room(
                &["connection"],
                "`Bus`: a Redis server, what one deployment calls its channels there, and that one of us said something",
            ),
            room(&["channel", "address", "metrics"], "the ground"),
        ],
    },
    House {
        folder: "crates/bench/src",
        rooms: &[
            room(&["main"], "the program"),
            room(&["args"], "the command line"),
            room(&["contest"], "one row against its servers, taking turns"),
            room(&["report"], "what came of it: JSON, tables, Markdown"),
            room(&["row"], "what is done to each server, and the figures and bars that come of it"),
            room(&["target"], "the servers, as child processes"),
            room(
                &["load"],
                "what loads them: crowds that listen, swarms that bother, posters, volleys",
            ),
            room(&["usage", "clock", "interrupt"], "`/proc`, time, Ctrl-C"),
        ],
    },
];
