//! librdkafka's client, as much of it as is used here, behind safe functions.
//!
//! Reading takes its simple consumer: partitions are read into one queue, without a group, so nothing is joined,
//! looked up or committed. Everything that waits for a broker has a deadline; dropping a client may wait for ever
//! where a broker is frozen, so it is dropped on a thread of its own (`reader`, `writer`). It dials nothing.
//!
//! This file and `hooks` are the only ones that may say `unsafe`.
#![expect(unsafe_code, reason = "calls into a C library")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr::{self, NonNull},
    slice,
    sync::Arc,
    time::Duration,
};

use chrono::DateTime;
use rdkafka_sys as sys;

use super::hooks::{self, Delivery, Hooks};
use crate::domain::{
    broker::Advertised,
    ids::BrokerId,
    record::{Body, Draft, Header, Record, StampKind, Start},
};

/// The partition is for librdkafka to choose (`RD_KAFKA_PARTITION_UA`).
const UNASSIGNED: i32 = -1;

/// Room for librdkafka's words about a setting.
const WORDS: usize = 512;

/// What librdkafka or a broker says no with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeError {
    /// Kafka's code; negative ones are librdkafka's own.
    pub code: i32,
    /// In words.
    pub words: String,
}

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It reads.
    Reads,
    /// It writes.
    Writes,
}

/// One client, with threads of its own. Dropping it may take long.
pub struct Client {
    rk: NonNull<sys::rd_kafka_t>,
    hooks: Arc<Hooks>,
}

// SAFETY: librdkafka's handle may be used from any thread ("the API is thread-safe", rdkafka.h).
unsafe impl Send for Client {}

/// What brokers say of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// All brokers.
    pub brokers: Vec<Advertised>,
    /// Its partitions.
    pub partitions: Vec<i32>,
}

/// What comes of a poll.
#[derive(Debug)]
pub enum Polled {
    /// A record.
    Record(Record),
    /// A partition's end; the next record will have this offset.
    End(i32, i64),
    /// What went wrong, with a partition.
    Error(i32, NativeError),
}

impl Client {
    /// A client with these settings, which speaks to nobody yet.
    pub fn new(role: Role, settings: &[(&str, String)], hooks: Arc<Hooks>) -> Result<Self, NativeError> {
        let mut words = [0 as c_char; WORDS];
        let kind = match role {
            Role::Reads => sys::rd_kafka_type_t::RD_KAFKA_CONSUMER,
            Role::Writes => sys::rd_kafka_type_t::RD_KAFKA_PRODUCER,
        };
        // SAFETY: a new configuration belongs to us until rd_kafka_new takes it, which it does only when it succeeds;
        // strings outlive the calls; the hooks are kept beside the client.
        unsafe {
            let conf = sys::rd_kafka_conf_new();
            for (name, value) in settings {
                let (name, value) = (c_string(name)?, c_string(value)?);
                let set = sys::rd_kafka_conf_set(conf, name.as_ptr(), value.as_ptr(), words.as_mut_ptr(), words.len());
                if set != sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                    sys::rd_kafka_conf_destroy(conf);
                    return Err(NativeError { code: -1, words: text(words.as_ptr()) });
                }
            }
            hooks::install(conf, &hooks);
            if let Some(rk) = NonNull::new(sys::rd_kafka_new(kind, conf, words.as_mut_ptr(), words.len())) {
                return Ok(Self { rk, hooks });
            }
            sys::rd_kafka_conf_destroy(conf);
            Err(NativeError { code: -1, words: text(words.as_ptr()) })
        }
    }

    /// Adds brokers to begin with: `host:port,host:port`.
    pub fn seed(&self, endpoints: &str) -> Result<(), NativeError> {
        let endpoints = c_string(endpoints)?;
        // SAFETY: the handle lives; the string outlives the call.
        unsafe { sys::rd_kafka_brokers_add(self.rk.as_ptr(), endpoints.as_ptr()) };
        Ok(())
    }

    /// Asks any broker for all brokers and a topic's partitions.
    pub fn describe(&self, topic: &Topic<'_>, within: Duration) -> Result<Described, NativeError> {
        let mut told: *const sys::rd_kafka_metadata = ptr::null();
        // SAFETY: the handles live. What is told belongs to us until it is destroyed, and its arrays have the lengths
        // beside them; errors are read as numbers, since a broker may tell one that the enum does not know.
        unsafe {
            let failed = sys::rd_kafka_metadata(self.rk.as_ptr(), 0, topic.rkt.as_ptr(), &raw mut told, millis(within));
            if failed as i32 != 0 || told.is_null() {
                return Err(NativeError { code: failed as i32, words: text(sys::rd_kafka_err2str(failed)) });
            }
            let brokers = list((*told).brokers, (*told).broker_cnt).iter().map(|broker| Advertised {
                id: BrokerId(broker.id),
                host: text(broker.host),
                port: u16::try_from(broker.port).unwrap_or_default(),
                rack: None,
            });
            let brokers = brokers.collect();
            let answer = match list((*told).topics, (*told).topic_cnt).first() {
                Some(topic) => match (&raw const topic.err).cast::<i32>().read() {
                    0 => Ok(list(topic.partitions, topic.partition_cnt).iter().map(|p| p.id).collect()),
                    code => Err(NativeError { code, words: words_of(code) }),
                },
                None => Ok(Vec::new()),
            };
            sys::rd_kafka_metadata_destroy(told);
            answer.map(|partitions| Described { brokers, partitions })
        }
    }

    /// The first offset of each partition that has this time or a later one, in milliseconds of the epoch; none where
    /// there is no such record. Partitions that nobody answers for are left out.
    pub fn offsets_at(
        &self,
        topic: &str,
        partitions: &[i32],
        at: i64,
        within: Duration,
    ) -> Result<Vec<(i32, Option<i64>)>, NativeError> {
        let name = c_string(topic)?;
        // SAFETY: the list is ours from new to destroy; `elems` has `cnt` elements; the string outlives the calls.
        unsafe {
            let all = sys::rd_kafka_topic_partition_list_new(c_int::try_from(partitions.len()).unwrap_or(0));
            for partition in partitions {
                let one = sys::rd_kafka_topic_partition_list_add(all, name.as_ptr(), *partition);
                (*one).offset = at;
            }
            let failed = sys::rd_kafka_offsets_for_times(self.rk.as_ptr(), all, millis(within));
            let answered =
                list((*all).elems, (*all).cnt).iter().filter(|p| (&raw const p.err).cast::<i32>().read() == 0);
            let answered = answered.map(|p| (p.partition, (p.offset >= 0).then_some(p.offset))).collect();
            sys::rd_kafka_topic_partition_list_destroy(all);
            match failed as i32 {
                0 => Ok(answered),
                code => Err(NativeError { code, words: words_of(code) }),
            }
        }
    }

    /// The first offset that a partition has and the one that comes next.
    pub fn bounds(&self, topic: &str, partition: i32, within: Duration) -> Result<(i64, i64), NativeError> {
        let name = c_string(topic)?;
        let (mut low, mut high) = (0, 0);
        // SAFETY: the handle lives, the string outlives the call, and both figures are ours.
        let failed = unsafe {
            sys::rd_kafka_query_watermark_offsets(
                self.rk.as_ptr(),
                name.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
                millis(within),
            )
        };
        match failed as i32 {
            0 => Ok((low, high)),
            code => Err(NativeError { code, words: words_of(code) }),
        }
    }

    /// A topic of this name.
    pub fn topic(&self, name: &str) -> Result<Topic<'_>, NativeError> {
        let name = c_string(name)?;
        // SAFETY: the handle lives; without a configuration the topic has the client's; the string is copied.
        let rkt = unsafe { sys::rd_kafka_topic_new(self.rk.as_ptr(), name.as_ptr(), ptr::null_mut()) };
        let refused = || NativeError { code: -1, words: "no name for a topic".to_owned() };
        NonNull::new(rkt).map(|rkt| Topic { rkt, client: self }).ok_or_else(refused)
    }

    /// Hands a record over, under a number; what becomes of it is told by `poll`.
    pub fn produce(&self, draft: &Draft, number: usize) -> Result<(), NativeError> {
        use sys::{rd_kafka_vtype_t as V, rd_kafka_vu_s__bindgen_ty_1 as U};
        let topic = c_string(&draft.topic)?;
        let names = draft.headers.iter().map(|(name, _)| c_string(name)).collect::<Result<Vec<_>, _>>()?;
        let mem = |bytes: Option<&Vec<u8>>| sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
            ptr: bytes.map_or(ptr::null_mut(), |b| b.as_ptr().cast_mut().cast()),
            size: bytes.map_or(0, Vec::len),
        };
        let one = |vtype, u| sys::rd_kafka_vu_t { vtype, u };
        let mut parts = vec![
            one(V::RD_KAFKA_VTYPE_TOPIC, U { cstr: topic.as_ptr() }),
            one(V::RD_KAFKA_VTYPE_PARTITION, U { i32_: draft.partition.unwrap_or(UNASSIGNED) }),
            one(V::RD_KAFKA_VTYPE_MSGFLAGS, U { i: sys::RD_KAFKA_MSG_F_COPY }),
            one(V::RD_KAFKA_VTYPE_VALUE, U { mem: mem(draft.value.as_ref()) }),
            one(V::RD_KAFKA_VTYPE_KEY, U { mem: mem(draft.key.as_ref()) }),
            one(V::RD_KAFKA_VTYPE_OPAQUE, U { ptr: ptr::without_provenance_mut::<c_void>(number) }),
        ];
        for (name, (_, value)) in names.iter().zip(&draft.headers) {
            let header = sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
                name: name.as_ptr(),
                val: value.as_ptr().cast(),
                size: value.len().cast_signed(),
            };
            parts.push(one(V::RD_KAFKA_VTYPE_HEADER, U { header }));
        }
        // SAFETY: every pointer in the parts outlives the call, and F_COPY has librdkafka copy what they lead to; the
        // opaque is a number and leads nowhere. An error that is answered is ours to destroy.
        unsafe {
            let error = sys::rd_kafka_produceva(self.rk.as_ptr(), parts.as_ptr(), parts.len());
            if error.is_null() {
                return Ok(());
            }
            let told = NativeError {
                code: sys::rd_kafka_error_code(error) as i32,
                words: text(sys::rd_kafka_error_string(error)),
            };
            sys::rd_kafka_error_destroy(error);
            Err(told)
        }
    }

    /// Waits for word about records that were handed over; what became of them.
    pub fn poll(&self, within: Duration) -> Vec<Delivery> {
        // SAFETY: the handle lives.
        unsafe { sys::rd_kafka_poll(self.rk.as_ptr(), millis(within)) };
        self.hooks.deliveries()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: nothing that was made of the handle is left, for all of it borrows the client. Records that were not
        // sent are let go: whoever waits for them has ended.
        unsafe {
            sys::rd_kafka_purge(self.rk.as_ptr(), sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT);
            sys::rd_kafka_destroy_flags(self.rk.as_ptr(), sys::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        }
    }
}

/// A topic of a client.
pub struct Topic<'a> {
    rkt: NonNull<sys::rd_kafka_topic_t>,
    client: &'a Client,
}

impl<'a> Topic<'a> {
    /// Where what is read of it is taken from.
    pub fn queue(&'a self) -> Queue<'a> {
        // SAFETY: the handle lives; a queue is always made.
        let rkqu = unsafe { sys::rd_kafka_queue_new(self.client.rk.as_ptr()) };
        Queue { rkqu, topic: self, begun: Vec::new() }
    }
}

impl Drop for Topic<'_> {
    fn drop(&mut self) {
        // SAFETY: it was made by us and is destroyed once.
        unsafe { sys::rd_kafka_topic_destroy(self.rkt.as_ptr()) };
    }
}

/// What is read of a topic's partitions.
pub struct Queue<'a> {
    rkqu: *mut sys::rd_kafka_queue_t,
    topic: &'a Topic<'a>,
    begun: Vec<i32>,
}

impl Queue<'_> {
    /// Begins to read a partition, or begins anew.
    pub fn begin(&mut self, partition: i32, start: Start) -> Result<(), NativeError> {
        let offset = match start {
            Start::Beginning => i64::from(sys::RD_KAFKA_OFFSET_BEGINNING),
            Start::End | Start::Time(_) => i64::from(sys::RD_KAFKA_OFFSET_END),
            Start::Last(count) => i64::from(sys::RD_KAFKA_OFFSET_TAIL_BASE) - count,
            Start::Offset(offset) => offset,
        };
        // SAFETY: topic and queue live.
        let begun = unsafe {
            if self.begun.contains(&partition) {
                sys::rd_kafka_consume_stop(self.topic.rkt.as_ptr(), partition);
            }
            sys::rd_kafka_consume_start_queue(self.topic.rkt.as_ptr(), partition, offset, self.rkqu)
        };
        if begun == 0 {
            self.begun.push(partition);
            return Ok(());
        }
        // SAFETY: it tells of this thread's last call.
        let code = unsafe { sys::rd_kafka_last_error() } as i32;
        Err(NativeError { code, words: words_of(code) })
    }

    /// Waits for the next record; keeps so many bytes of each body.
    pub fn poll(&self, within: Duration, keep: usize) -> Option<Polled> {
        // SAFETY: the queue lives; a message is ours until it is destroyed, and what it points to lives as long.
        unsafe {
            let message = sys::rd_kafka_consume_queue(self.rkqu, millis(within));
            let polled = polled(message.as_ref()?, keep);
            sys::rd_kafka_message_destroy(message);
            Some(polled)
        }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // SAFETY: it was made by us and is destroyed once; topic and client live. Partitions are stopped first, so that
        // nothing is put into it any more.
        unsafe {
            self.begun.sort_unstable();
            self.begun.dedup();
            for partition in &self.begun {
                sys::rd_kafka_consume_stop(self.topic.rkt.as_ptr(), *partition);
            }
            sys::rd_kafka_queue_destroy(self.rkqu);
        }
    }
}

/// What a message is.
///
/// # Safety
/// The message must be one of librdkafka's that is not destroyed yet.
unsafe fn polled(message: &sys::rd_kafka_message_t, keep: usize) -> Polled {
    // SAFETY: errors are read as numbers, since a broker may tell one that the enum does not know; key and payload
    // have the lengths beside them.
    unsafe {
        let (partition, offset) = (message.partition, message.offset);
        match (&raw const message.err).cast::<i32>().read() {
            0 => {}
            END_OF_PARTITION => return Polled::End(partition, offset),
            code => {
                let words = text(sys::rd_kafka_message_errstr(message));
                return Polled::Error(partition, NativeError { code, words });
            }
        }
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        let at = sys::rd_kafka_message_timestamp(message, &raw mut kind);
        let kind = match kind {
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => Some(StampKind::Created),
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Some(StampKind::Appended),
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => None,
        };
        Polled::Record(Record {
            partition,
            offset,
            at: kind.and_then(|kind| Some((DateTime::from_timestamp_millis(at)?, kind))),
            key: body(message.key, message.key_len, keep),
            value: body(message.payload, message.len, keep),
            headers: headers(message, keep),
        })
    }
}

/// A partition's end, which librdkafka tells when it is asked to (`enable.partition.eof`).
const END_OF_PARTITION: i32 = -191;

/// # Safety
/// The message must be one of librdkafka's that is not destroyed yet.
unsafe fn headers(message: &sys::rd_kafka_message_t, keep: usize) -> Vec<Header> {
    let mut all = ptr::null_mut();
    let mut headers = Vec::new();
    // SAFETY: headers live as long as their message; names are C strings, values have the lengths beside them.
    unsafe {
        if sys::rd_kafka_message_headers(message, &raw mut all) as i32 != 0 {
            return headers;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        while sys::rd_kafka_header_get_all(all, headers.len(), &raw mut name, &raw mut value, &raw mut size) as i32 == 0
        {
            headers.push(Header { name: text(name), value: body(value, size, keep) });
        }
    }
    headers
}

/// # Safety
/// `from` must be null or lead to `size` bytes.
unsafe fn body(from: *const c_void, size: usize, keep: usize) -> Option<Body> {
    // SAFETY: the caller vouches for it.
    (!from.is_null()).then(|| Body::of(unsafe { slice::from_raw_parts(from.cast::<u8>(), size) }, keep))
}

/// # Safety
/// `from` must be null or lead to `count` values that outlive the slice.
unsafe fn list<'a, T>(from: *const T, count: c_int) -> &'a [T] {
    match usize::try_from(count) {
        // SAFETY: the caller vouches for it.
        Ok(count) if !from.is_null() => unsafe { slice::from_raw_parts(from, count) },
        _ => &[],
    }
}

/// # Safety
/// `from` must be null or a C string.
unsafe fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}

/// A code in librdkafka's words.
pub fn words_of(code: i32) -> String {
    match sys::rd_kafka_resp_err_t::try_from(code) {
        // SAFETY: it answers every error with a C string that lives for ever.
        Ok(error) => unsafe { text(sys::rd_kafka_err2str(error)) },
        Err(_) => format!("error {code}"),
    }
}

fn c_string(text: &str) -> Result<CString, NativeError> {
    CString::new(text).map_err(|_| NativeError { code: -1, words: format!("{text:?} holds a zero byte") })
}

fn millis(within: Duration) -> c_int {
    c_int::try_from(within.as_millis()).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;
    use crate::io::messages::{breaker::Breaker, settings};

    #[test]
    fn it_was_built_with_every_codec_and_without_tls_and_logins() {
        let (name, mut value, mut size) = (c_string("builtin.features").unwrap(), [0 as c_char; WORDS], WORDS);
        // SAFETY: the configuration is ours; value has room for size characters.
        let features = unsafe {
            let conf = sys::rd_kafka_conf_new();
            sys::rd_kafka_conf_get(conf, name.as_ptr(), value.as_mut_ptr(), &raw mut size);
            sys::rd_kafka_conf_destroy(conf);
            text(value.as_ptr())
        };
        let has = |feature| features.split(',').any(|f| f == feature);
        assert!(["gzip", "snappy", "lz4", "zstd"].into_iter().all(has), "{features}");
        assert!(!has("ssl") && !has("sasl_scram"), "{features}");
    }

    #[test]
    fn a_setting_that_it_does_not_know_is_an_error_in_words() {
        let hooks = || Arc::new(Hooks::new(mpsc::channel(1).0, Arc::new(Breaker::default())));
        assert!(Client::new(Role::Reads, &settings(), hooks()).is_ok());
        let unknown = [("no.such.setting", "1".to_owned())];
        let why = Client::new(Role::Writes, &unknown, hooks()).err().unwrap();
        assert!(why.words.contains("no.such.setting"), "{why:?}");
    }
}
