//! How librdkafka gets its connections from us: three callbacks in place of names, sockets and connects.
//!
//! A broker's name is resolved to a placeholder; a socket is one end of a socketpair; connecting hands the other end,
//! with the broker's address, to whoever dials (`dialer`). So a byte stream is dialled, encrypted and logged in by
//! `io::dial` alone, and no credential and no port comes near librdkafka. It calls from threads of its own and
//! under locks: nothing here waits, calls back into it or panics. `native` installs them.
//!
//! This file and `native` are the only ones that may say `unsafe`.
#![expect(unsafe_code, reason = "callbacks of a C library")]

use std::{
    collections::HashMap,
    ffi::{CStr, c_char, c_int, c_void},
    os::{fd::IntoRawFd, unix::net::UnixStream},
    ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rdkafka_sys as sys;
use tokio::sync::mpsc;

use super::breaker::Breaker;

/// Levels of syslog up to which librdkafka's words are worth a line in the log file.
const WARNING: c_int = 4;

/// A connection that librdkafka wants.
#[derive(Debug)]
pub struct Wanted {
    /// The broker's address as librdkafka knows it: `host:port`.
    pub endpoint: String,
    /// Our end of the socketpair.
    pub peer: UnixStream,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The number under which it was handed over.
    pub number: usize,
    /// Partition, offset and milliseconds of the epoch; or Kafka's code.
    pub told: Result<(i32, i64, i64), i32>,
}

/// What the callbacks of one client share. librdkafka holds a pointer to it for as long as the client lives.
pub struct Hooks {
    sockets: Mutex<HashMap<c_int, UnixStream>>,
    wanted: mpsc::Sender<Wanted>,
    breaker: Arc<Breaker>,
    delivered: Mutex<Vec<Delivery>>,
}

impl Hooks {
    /// Hands wanted connections to `wanted`, as far as `breaker` lets them.
    pub fn new(wanted: mpsc::Sender<Wanted>, breaker: Arc<Breaker>) -> Self {
        Self { sockets: Mutex::default(), wanted, breaker, delivered: Mutex::default() }
    }

    /// What became of records since the last time.
    pub fn deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut *locked(&self.delivered))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// rdkafka-sys leaves it out of its bindings for the sake of Windows; it is in the library all the same (librdkafka
// 1.9 and later, rdkafka.h).
unsafe extern "C" {
    fn rd_kafka_conf_set_resolve_cb(
        conf: *mut sys::rd_kafka_conf_t,
        callback: Option<
            unsafe extern "C" fn(
                *const c_char,
                *const c_char,
                *const libc::addrinfo,
                *mut *mut libc::addrinfo,
                *mut c_void,
            ) -> c_int,
        >,
    );
}

/// Installs the callbacks in a configuration.
///
/// # Safety
/// `conf` must be a configuration that no client was made of yet, and `hooks` must outlive every client made of it.
pub unsafe fn install(conf: *mut sys::rd_kafka_conf_t, hooks: &Arc<Hooks>) {
    // SAFETY: the caller vouches for conf; the functions have the types that rdkafka.h declares.
    unsafe {
        sys::rd_kafka_conf_set_opaque(conf, Arc::as_ptr(hooks).cast_mut().cast());
        sys::rd_kafka_conf_set_log_cb(conf, Some(log));
        sys::rd_kafka_conf_set_dr_msg_cb(conf, Some(delivered));
        rd_kafka_conf_set_resolve_cb(conf, Some(resolve));
        sys::rd_kafka_conf_set_socket_cb(conf, Some(socket));
        sys::rd_kafka_conf_set_connect_cb(conf, Some(connect));
    }
}

/// What a name is resolved to; the list is its first part, so that a pointer to one is a pointer to the other.
#[repr(C)]
struct Placeholder {
    info: libc::addrinfo,
    address: libc::sockaddr_in,
}

/// Answers every name with one placeholder; without a name it takes the placeholder back (`resolve_cb`).
unsafe extern "C" fn resolve(
    node: *const c_char,
    _service: *const c_char,
    _hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
    _opaque: *mut c_void,
) -> c_int {
    if node.is_null() {
        // SAFETY: librdkafka gives back what it got below, once: a pointer to the first part of a box.
        drop(unsafe { Box::from_raw((*result).cast::<Placeholder>()) });
        return 0;
    }
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 9_u16.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let info = libc::addrinfo {
        ai_flags: 0,
        ai_family: libc::AF_INET,
        ai_socktype: libc::SOCK_STREAM,
        ai_protocol: libc::IPPROTO_TCP,
        ai_addrlen: size_of::<libc::sockaddr_in>() as libc::socklen_t,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let placeholder = Box::into_raw(Box::new(Placeholder { info, address }));
    // SAFETY: the box was just made and belongs to nobody else; result is where librdkafka wants the list, which it
    // gives back to be freed above.
    unsafe {
        (*placeholder).info.ai_addr = (&raw mut (*placeholder).address).cast();
        *result = placeholder.cast();
    }
    0
}

/// Opens a socketpair and gives one end away (`socket_cb`).
unsafe extern "C" fn socket(_domain: c_int, _kind: c_int, _protocol: c_int, opaque: *mut c_void) -> c_int {
    // SAFETY: opaque is what `install` set, and lives as long as the client does.
    let hooks = unsafe { &*opaque.cast::<Hooks>() };
    let Ok((theirs, ours)) = UnixStream::pair() else { return -1 };
    if ours.set_nonblocking(true).is_err() {
        return -1;
    }
    // librdkafka closes its end; a number is used again only after that.
    let number = theirs.into_raw_fd();
    locked(&hooks.sockets).insert(number, ours);
    number
}

/// Hands our end to whoever dials; refused at once while the last failure is too fresh (`connect_cb`).
unsafe extern "C" fn connect(
    number: c_int,
    _address: *const libc::sockaddr,
    _length: c_int,
    id: *const c_char,
    opaque: *mut c_void,
) -> c_int {
    if id.is_null() {
        return libc::EINVAL;
    }
    // SAFETY: opaque is what `install` set; id is a C string that lives through the call.
    let (hooks, id) = unsafe { (&*opaque.cast::<Hooks>(), CStr::from_ptr(id)) };
    let endpoint = id.to_string_lossy().into_owned();
    let Some(peer) = locked(&hooks.sockets).remove(&number) else { return libc::EBADF };
    if !hooks.breaker.lets(&endpoint) {
        return libc::ECONNREFUSED;
    }
    match hooks.wanted.try_send(Wanted { endpoint, peer }) {
        Ok(()) => 0,
        Err(_) => libc::ECONNREFUSED,
    }
}

/// Takes librdkafka's words to the log file; else they would go to the screen (`log_cb`).
unsafe extern "C" fn log(_client: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, text: *const c_char) {
    if facility.is_null() || text.is_null() {
        return;
    }
    // SAFETY: both are C strings that live through the call.
    let (facility, text) = unsafe { (CStr::from_ptr(facility), CStr::from_ptr(text)) };
    let (facility, text) = (facility.to_string_lossy(), text.to_string_lossy());
    if level <= WARNING {
        tracing::info!(%facility, %text, "librdkafka");
    } else {
        tracing::debug!(%facility, %text, "librdkafka");
    }
}

/// Notes what became of a record (`dr_msg_cb`); called while the client is polled.
unsafe extern "C" fn delivered(
    _client: *mut sys::rd_kafka_t,
    message: *const sys::rd_kafka_message_t,
    opaque: *mut c_void,
) {
    // SAFETY: opaque is what `install` set; the message lives through the call. Its error is read as a number, since
    // a broker may tell one that the enum does not know.
    let (hooks, error, number, place) = unsafe {
        let place = ((*message).partition, (*message).offset, sys::rd_kafka_message_timestamp(message, &mut stamp()));
        let error = (&raw const (*message).err).cast::<i32>().read();
        (&*opaque.cast::<Hooks>(), error, (*message)._private.addr(), place)
    };
    let told = if error == 0 { Ok(place) } else { Err(error) };
    locked(&hooks.delivered).push(Delivery { number, told });
}

/// Room for the kind of a timestamp.
fn stamp() -> sys::rd_kafka_timestamp_type_t {
    sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
}
