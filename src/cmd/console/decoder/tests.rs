//! Every sequence, cut at every place.

use super::*;

const PATIENCE: Duration = Duration::from_millis(25);

#[expect(clippy::disallowed_methods, reason = "any moment will do; it is only added to")]
fn moment() -> Instant {
    std::time::Instant::now().into()
}

/// What comes of pieces that follow one another within the patience, and of the silence after them.
fn decoded(pieces: &[&[u8]]) -> Vec<Event> {
    let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
    let mut events: Vec<Event> = pieces.iter().flat_map(|piece| decoder.take(piece, now)).collect();
    if decoder.deadline().is_some() {
        events.extend(decoder.expire());
    }
    events
}

fn with(code: KeyCode, modifiers: KeyModifiers) -> Event {
    key(code, modifiers)
}

fn sequences() -> Vec<(&'static str, Vec<Event>)> {
    use KeyCode::{BackTab, Char, Delete, Down, End, Enter, Esc, F, Home, Insert, Left, PageDown, PageUp, Right, Up};
    let wheel = |kind| vec![Event::Mouse(MouseEvent { kind, column: 10, row: 5, modifiers: KeyModifiers::NONE })];
    vec![
        ("\x1b[A", vec![plain(Up)]),
        ("\x1b[B", vec![plain(Down)]),
        ("\x1b[C", vec![plain(Right)]),
        ("\x1b[D", vec![plain(Left)]),
        ("\x1bOA", vec![plain(Up)]),
        ("\x1bOB", vec![plain(Down)]),
        ("\x1bOH", vec![plain(Home)]),
        ("\x1bOF", vec![plain(End)]),
        ("\x1bOP", vec![plain(F(1))]),
        ("\x1b[H", vec![plain(Home)]),
        ("\x1b[F", vec![plain(End)]),
        ("\x1b[1~", vec![plain(Home)]),
        ("\x1b[2~", vec![plain(Insert)]),
        ("\x1b[3~", vec![plain(Delete)]),
        ("\x1b[4~", vec![plain(End)]),
        ("\x1b[5~", vec![plain(PageUp)]),
        ("\x1b[6~", vec![plain(PageDown)]),
        ("\x1b[15~", vec![plain(F(5))]),
        ("\x1b[24~", vec![plain(F(12))]),
        ("\x1b[[A", vec![plain(F(1))]),
        ("\x1b[Z", vec![with(BackTab, KeyModifiers::SHIFT)]),
        ("\x1b[1;5C", vec![with(Right, KeyModifiers::CONTROL)]),
        ("\x1b[1;2A", vec![with(Up, KeyModifiers::SHIFT)]),
        ("\x1b[5;3~", vec![with(PageUp, KeyModifiers::ALT)]),
        ("\x1b[<64;10;5M", wheel(MouseEventKind::ScrollUp)),
        ("\x1b[<65;10;5M", wheel(MouseEventKind::ScrollDown)),
        ("\x1b[<0;10;5M\x1b[<0;10;5m", vec![]),
        ("\x1b[M !!", vec![]),
        ("\x1b[I\x1b[O", vec![]),
        ("\x1b[24;80R\x1b[?62;22c\x1b[0n", vec![]),
        ("\x1b]11;rgb:0000/0000/0000\x1b\\", vec![]),
        ("\x1b]52;c;eQ==\x07", vec![]),
        ("\x1bP1+r544e=71\x1b\\", vec![]),
        ("\x1b\x1b[A", vec![plain(Esc), plain(Up)]),
        ("\x1bq", vec![with(Char('q'), KeyModifiers::ALT)]),
        ("\x1b\r", vec![with(Enter, KeyModifiers::ALT)]),
        ("\x1b", vec![plain(Esc)]),
        ("ä日🦀", vec![plain(Char('ä')), plain(Char('日')), plain(Char('🦀'))]),
        ("\x1bä", vec![plain(Esc), plain(Char('ä'))]),
        (
            "\x03\x1a\t\r\x7f",
            vec![
                with(Char('c'), KeyModifiers::CONTROL),
                with(Char('z'), KeyModifiers::CONTROL),
                plain(KeyCode::Tab),
                plain(Enter),
                plain(KeyCode::Backspace),
            ],
        ),
        (
            "\x1b[200~qy\x03\x1b[A\x1b\r\n:quit\x1b[201~j",
            vec![Event::Paste("qy\x03\x1b[A\x1b\r\n:quit".to_owned()), plain(Char('j'))],
        ),
        ("\x1b[200~\x1b[201~", vec![Event::Paste(String::new())]),
        ("q\x1b[5~G", vec![plain(Char('q')), plain(PageUp), plain(Char('G'))]),
    ]
}

#[test]
fn every_sequence_is_one_key_wherever_it_is_cut() {
    for (bytes, wanted) in sequences() {
        let bytes = bytes.as_bytes();
        assert_eq!(decoded(&[bytes]), wanted, "{:?}", String::from_utf8_lossy(bytes));
        for at in 1..bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(decoded(&[a, b]), wanted, "{:?} cut at {at}", String::from_utf8_lossy(bytes));
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decoded(&single), wanted, "{:?} byte by byte", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_lone_esc_waits_for_its_time_and_no_other_key_waits() {
    let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
    assert_eq!(decoder.take(b"\x1b", now), []);
    assert_eq!(decoder.deadline(), Some(now + PATIENCE));
    assert_eq!(decoder.expire(), [plain(KeyCode::Esc)]);
    assert_eq!(decoder.deadline(), None);
    for typed in ["q", "\r", "\x03", "ä", "\x1b[A"] {
        assert_eq!(decoder.take(typed.as_bytes(), now).len(), 1, "{typed:?}");
        assert_eq!(decoder.deadline(), None);
    }
}

#[test]
fn after_an_esc_that_was_given_up_keys_are_keys_again() {
    let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
    decoder.take(b"\x1b", now);
    decoder.expire();
    assert_eq!(decoder.take(b"q", now), [plain(KeyCode::Char('q'))]);
}

#[test]
fn the_rest_of_a_sequence_that_was_begun_never_becomes_keys_however_late_it_comes() {
    let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
    assert_eq!(decoder.take(b"\x1b[", now), []);
    assert_eq!(decoder.deadline(), None);
    assert_eq!(decoder.take(b"1;5", now + Duration::from_secs(60)), []);
    assert_eq!(decoder.take(b"D", now + Duration::from_secs(61)), [key(KeyCode::Left, KeyModifiers::CONTROL)]);
}

#[test]
fn alt_and_a_letter_that_begins_an_answer_lock_nothing() {
    for letter in ["P", "]", "^", "_"] {
        let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
        assert_eq!(decoder.take(format!("\x1b{letter}").as_bytes(), now), []);
        assert_eq!(decoder.deadline(), Some(now + TEXT_SILENCE));
        assert_eq!(decoder.expire(), []);
        assert_eq!(decoder.take(b"j", now), [plain(KeyCode::Char('j'))]);
    }
}

#[test]
fn a_paste_without_an_end_is_text_and_ends_by_silence() {
    let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
    assert_eq!(decoder.take(b"\x1b", now), []);
    assert_eq!(decoder.take(b"[200~qy\x1b", now), []);
    assert_eq!(decoder.deadline(), Some(now + PASTE_SILENCE), "an Esc within text is no key");
    assert_eq!(decoder.expire(), [Event::Paste("qy\x1b".to_owned())]);
    assert_eq!(decoder.take(b"j", now), [plain(KeyCode::Char('j'))]);
}

#[test]
fn a_paste_is_bounded_and_its_end_is_found_all_the_same() {
    let (mut decoder, now) = (Decoder::new(PATIENCE), moment());
    let mut events = decoder.take(b"\x1b[200~", now);
    for _ in 0..3 {
        events.extend(decoder.take(&vec![b'y'; PASTE_BYTES / 2], now));
    }
    events.extend(decoder.take(b"\x1b[201~q", now));
    let [Event::Paste(text), Event::Key(q)] = events.as_slice() else { panic!("{} events", events.len()) };
    assert!(text.len() <= PASTE_BYTES + PASTE_END.len());
    assert_eq!(q.code, KeyCode::Char('q'));
}

#[test]
fn whatever_comes_ends_in_keys_again_after_ctrl_c_or_a_letter_or_two() {
    // A small generator: every pair and triple of bytes that mean something somewhere.
    let bytes: Vec<u8> = b"\x1b[]OPM<?;0~29\x07\\\x00\x80\xc3\xff\x03q".to_vec();
    for a in &bytes {
        for b in &bytes {
            for c in &bytes {
                let mut decoder = Decoder::new(PATIENCE);
                let now = moment();
                decoder.take(&[*a, *b, *c], now);
                decoder.expire();
                let after: Vec<Event> = (0..5).flat_map(|_| decoder.take(b"\x03", now)).collect();
                assert!(
                    after.contains(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)),
                    "{a:#x} {b:#x} {c:#x} locks the keyboard"
                );
            }
        }
    }
}
