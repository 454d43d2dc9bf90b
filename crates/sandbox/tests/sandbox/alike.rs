//! What programs inherit is the same, whatever ran before them; what the seed decides is the same everywhere.

use crate::common::{self, CONFINED, shown};
use samara_sandbox::{Ending, Job, Limits, Sandbox, Tier, Value};
use std::time::Duration;

/// All of the server that Python can reach: frames, names, raw buffers, counters of the allocator and of the collector.
const LOOK: &str = r#"
import ctypes, gc, os, sys, threading

def plain(value):
    if isinstance(value, (ctypes.Structure, ctypes.Array)): return bytes(value).hex()
    if isinstance(value, (int, float, str, bytes, tuple, list, dict, type(None))):
        text = repr(value)
        return text if len(text) < 1000 else text[:1000] + str(hash(text))
    return type(value).__name__

def main():
    seen = [gc.get_count(), sys.getallocatedblocks(), id([]), id(object()), id("x" * 5000)]
    frame = sys._getframe()
    while frame:
        names = {**frame.f_locals, **(frame.f_globals if frame.f_globals is not globals() else {})}
        seen.append([frame.f_code.co_name, *(name + "=" + plain(names[name]) for name in sorted(names) if name not in ("seen", "frame", "names"))])
        for value in list(names.values()):
            if type(value).__module__ == "__main__":
                inner = vars(value) if hasattr(value, "__dict__") else {}
                seen.append([name + "=" + plain(inner[name]) for name in sorted(inner)])
        frame = frame.f_back
    return repr(seen)
"#;

fn look(sandbox: &Sandbox, program: &str) -> String {
    let ending = common::run(sandbox, program).ending;
    let text = shown(&ending);
    assert!(text.starts_with("ok "), "{text}");
    text
}

/// Runs programs that leave as much as they can: exit codes, crashes, time, memory, other limits, threads, files.
fn others(sandbox: &Sandbox, between: impl Fn(&str)) {
    for program in [
        "import os\ndef main(): os._exit(42)",
        "import ctypes\ndef main(): ctypes.string_at(0)",
        "def main(): return len(bytearray(b'x') * (100 << 20))",
        "def main(): return sum(i * i for i in range(300000))",
        "import threading\ndef main():\n    for _ in range(5):\n        t = threading.Thread(target=lambda: 0); t.start(); t.join()",
        "def main():\n    try: open('left', 'w').write('x' * 9000)\n    except OSError: pass\n    return 'y' * 100000",
        "import sys, math, random, json\ndef main():\n    math.poison = 1; sys.modules['poison'] = sys; random.seed(9); json.dumps = None",
    ] {
        common::run(sandbox, program);
        between(program);
        let limits = Limits {
            cpu: Duration::from_secs(77),
            memory: 123_456_789,
            scratch_bytes: 777_777,
            scratch_files: 77,
            ..common::job("").limits
        };
        let job = Job { limits, seed: 77, ..common::job(program) };
        sandbox.run(&job).unwrap();
        between(program);
    }
}

#[test]
fn what_a_program_inherits_does_not_depend_on_those_before_it() {
    common::on_tiers(&CONFINED, |sandbox| {
        let fresh = look(sandbox, LOOK);
        others(sandbox, |after| {
            let seen = look(sandbox, LOOK);
            assert!(seen == fresh, "tier {}, after {after:?}:\n{fresh}\n{seen}", sandbox.tier());
        });
    });
}

#[test]
fn in_a_jail_numbers_of_processes_and_threads_and_scratch_are_those_of_a_first_program() {
    let program = "import os, threading, ctypes\ndef main():\n    at = os.stat('.')\n    seen = [ctypes.CDLL(None).getpid(), threading.get_native_id(), at.st_ino, at.st_nlink, at.st_size, at.st_atime_ns == at.st_ctime_ns, *os.listdir('.')]\n    t = threading.Thread(target=lambda: seen.append(threading.get_native_id())); t.start(); t.join()\n    return repr(seen)";
    common::on_tiers(&[Tier::Jail], |sandbox| {
        assert_eq!(look(sandbox, program), "ok [1, 1, 1, 2, 40, True, 2]");
        others(sandbox, |after| {
            assert_eq!(look(sandbox, program), "ok [1, 1, 1, 2, 40, True, 2]", "after {after:?}");
        });
    });
}

/// What programs write that mean no harm, and of which the outcome should be the seed's.
const DRAWS: &str = r#"
import os, random, secrets, tempfile, threading, uuid
class P: pass
def main():
    draws = [random.Random().random(), random.SystemRandom().random(), random.random(), secrets.token_hex(4), str(uuid.uuid4()), os.urandom(5).hex()]
    random.seed()
    draws.append(random.random())
    draws.append(next(tempfile._get_candidate_names()))
    try:
        import numpy
        make = numpy.random
        draws += [float(make.default_rng().random()), float(make.RandomState().rand()), float(make.rand()), make.SeedSequence().entropy]
        make.seed()
        draws.append(float(make.rand()))
    except ImportError: pass
    order = [[str(x) for x in {None, 1, 2, 3, 5, 8, 13, "a", "b"}], [f.__name__ for f in {min, max, sum, len, abs}]]
    order.append([type(x).__name__ for x in sorted([P(), [], {}, (1, 2.5), 1.25, "%d" % 77, P()], key=id)])
    order.append([hash("x"), os.getpid(), os.getppid()])
    return [repr(draws), repr(order)]
"#;

#[test]
fn the_same_seed_gives_the_same_on_any_server_in_any_tier_and_after_any_program() {
    let run = |sandbox: &Sandbox, seed: u64| {
        let ending = sandbox.run(&Job { seed, ..common::job(DRAWS) }).unwrap().ending;
        let Ending::Ok { value: Value::List(parts) } = &ending else { panic!("{ending:?}") };
        [parts[0].clone(), parts[1].clone()]
    };
    let mut draws = None;
    for tier in [Tier::Jail, Tier::Landlock, Tier::Process] {
        let mut order = None;
        for _ in 0..2 {
            let Some(sandbox) = common::sandbox(tier) else { continue };
            let own = run(&sandbox, 5);
            assert_eq!(draws.get_or_insert_with(|| own[0].clone()), &own[0], "drawn in tier {tier}");
            // Addresses are those of the tier: its paths are parts of the interpreter's memory.
            assert_eq!(order.get_or_insert_with(|| own[1].clone()), &own[1], "ordered in tier {tier}");
            others(&sandbox, |_| ());
            assert_eq!(run(&sandbox, 5), own, "after others in tier {tier}");
            assert_ne!(run(&sandbox, 6)[0], own[0], "another seed");
        }
    }
}

#[test]
fn a_program_that_asks_for_chance_knowingly_gets_it() {
    let program = "import os, random\ndef main():\n    random.seed(os.getrandom(16))\n    return str(random.getrandbits(128)) + open('/dev/urandom', 'rb').read(9).hex()";
    common::on_tiers(&CONFINED, |sandbox| {
        assert_ne!(look(sandbox, program), look(sandbox, program));
    });
}

#[test]
fn eight_threads_fit_into_the_default_memory() {
    let program = "from concurrent.futures import ThreadPoolExecutor\ndef main():\n    with ThreadPoolExecutor(8) as pool: return sum(pool.map(lambda x: x * x, range(100)))";
    common::on_tiers(&CONFINED, |sandbox| {
        let job =
            Job { limits: Limits { memory: 256 << 20, ..common::job("").limits }, ..common::job(program) };
        assert_eq!(shown(&sandbox.run(&job).unwrap().ending), "ok 328350");
    });
}

#[test]
fn ranges_iterators_and_views_come_back_as_lists() {
    let program = "import itertools\ndef main():\n    d = {'a': 1, 'b': 2}\n    return [range(3), (x for x in 'ab'), map(str, [1]), zip([1], [2]), reversed([1, 2]), d.keys(), d.values(), d.items(), iter((5,)), itertools.islice(itertools.count(7), 2), enumerate('z')]";
    let list = |values: &[i64]| Value::List(values.iter().map(|value| Value::from(*value)).collect());
    let texts = |values: &[&str]| Value::List(values.iter().map(|value| Value::from(*value)).collect());
    let expected = Value::List(vec![
        list(&[0, 1, 2]),
        texts(&["a", "b"]),
        texts(&["1"]),
        Value::List(vec![Value::Tuple(vec![1.into(), 2.into()])]),
        list(&[2, 1]),
        texts(&["a", "b"]),
        list(&[1, 2]),
        Value::List(vec![Value::Tuple(vec!["a".into(), 1.into()]), Value::Tuple(vec!["b".into(), 2.into()])]),
        list(&[5]),
        list(&[7, 8]),
        Value::List(vec![Value::Tuple(vec![0.into(), "z".into()])]),
    ]);
    common::on_tiers(&CONFINED, |sandbox| {
        let ending = common::run(sandbox, program).ending;
        assert_eq!(ending, Ending::Ok { value: expected.clone() });
        for (program, expected) in [
            ("import itertools\ndef main(): return itertools.count()", "result_limit nodes program"),
            ("def main():\n    while True: yield 'x'", "result_limit nodes program"),
            ("def main(): return range(10 ** 15)", "result_limit nodes program"),
            ("def main(): return {1, 2}", "exception TypeError"),
            ("def main(): return iter({1, 2})", "exception TypeError"),
            ("def main(): yield 1 / 0", "exception ZeroDivisionError"),
        ] {
            assert_eq!(shown(&common::run(sandbox, program).ending), expected, "{program}");
        }
    });
}

#[test]
fn a_subclass_of_a_plain_type_comes_back_as_that_type_whatever_it_redefines() {
    let program = "import collections, enum, typing\nclass P(typing.NamedTuple):\n    x: int\n    y: float\nclass Q(P):\n    def __iter__(self): return iter('lies')\n    def __len__(self): return 9\nclass E(enum.IntEnum):\n    A = 4\nclass S(str):\n    def encode(self, *a): return b'lies'\nclass L(list):\n    def copy(self): return 'lies'\ndef main():\n    return [P(1, 2.5), Q(1, 2.5), E.A, S('a'), L([1]), collections.OrderedDict(a=1), collections.defaultdict(list, b=[2]), collections.Counter('cc')]";
    let plain = "def main(): return [(1, 2.5), (1, 2.5), 4, 'a', [1], {'a': 1}, {'b': [2]}, {'c': 2}]";
    common::on_tiers(&CONFINED, |sandbox| {
        assert_eq!(common::run(sandbox, program).ending, common::run(sandbox, plain).ending);
    });
}

#[test]
fn a_program_may_begin_with_a_byte_order_mark_and_end_with_exit() {
    common::on_tiers(&CONFINED, |sandbox| {
        assert_eq!(shown(&common::run(sandbox, "\u{feff}def main(): return 1").ending), "ok 1");
        assert_eq!(shown(&common::run(sandbox, "def main(): exit(3)").ending), "exception SystemExit");
    });
}

#[test]
fn numpy_s_numbers_come_back_as_numbers() {
    let program = "import numpy as np\ndef main():\n    return repr([type(x).__name__ for x in [1]]) and [np.int8(-1), np.uint64(2**64 - 1), np.float32(0.5), np.float64(1.5), np.longdouble(2.5), np.bool_(True), np.str_('a'), np.bytes_(b'b'), np.array(7), {np.int64(3): np.bool_(False), np.str_('k'): [np.float16(2)]}]";
    common::on_tiers(&CONFINED, |sandbox| {
        if !sandbox.isolation().python.contains("numpy") {
            return samara_testing::tiers::skipped(&format!("no numpy in {}", sandbox.isolation().python));
        }
        let plain =
            "def main(): return [-1, 2**64 - 1, 0.5, 1.5, 2.5, True, 'a', b'b', 7, {3: False, 'k': [2.0]}]";
        assert_eq!(common::run(sandbox, program).ending, common::run(sandbox, plain).ending);
        for refused in ["complex(1, 2)", "np.complex64(1)", "np.datetime64('2020-01-01')", "np.array([{}])"] {
            let program = format!("import numpy as np\ndef main(): return {refused}");
            assert_eq!(shown(&common::run(sandbox, &program).ending), "exception TypeError", "{refused}");
        }
    });
}

#[test]
fn in_a_jail_nothing_that_python_holds_in_memory_names_a_path_of_the_host() {
    let program = r#"
import gc, os, sys, types
def main(word):
    found, seen, left = set(), set(), [dict(sys.modules), dict(os.environ)]
    while left:
        value = left.pop()
        if id(value) in seen or isinstance(value, types.FrameType): continue
        seen.add(id(value))
        if isinstance(value, str):
            if word in value: found.add(value[:200])
        elif isinstance(value, types.CodeType): left += [value.co_filename, value.co_name, value.co_consts]
        else: left += gc.get_referents(value)
    return sorted(found)
"#;
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let prefix = sandbox.interpreter().parent().and_then(std::path::Path::parent).unwrap();
        let library = format!("{}/lib/python", prefix.display());
        let run = |word: &str| {
            let job = Job { arguments: vec![word.into()], ..common::job(program) };
            shown(&sandbox.run(&job).unwrap().ending)
        };
        assert_eq!(run(&library), "ok []");
        // What it finds if there is something.
        assert!(run("/python/lib").contains("/os.py"), "{}", run("/python/lib"));
    });
}
