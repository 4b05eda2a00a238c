# Writes RECORDS lines to TOPIC through BOOTSTRAP and reads them again. Its last line says what came of it.
export LOG_DIR=/tmp KAFKA_HEAP_OPTS=-Xmx160m PATH="$PATH:/opt/kafka/bin:/opt/bitnami/kafka/bin"
fail() { echo "$1"; exit 1; }
why() { cat "$@" 2>/dev/null | grep -E 'Exception|ERROR|Error|WARN' | tail -n 1 | cut -c 1-300; }
sum() { sort "$1" | { sha256sum 2>/dev/null || cksum; } | cut -d ' ' -f 1; }
writer=$(command -v kafka-console-producer.sh || command -v kafka-console-producer) || fail "the image has no kafka-console-producer.sh"
reader=$(command -v kafka-console-consumer.sh || command -v kafka-console-consumer) || fail "the image has no kafka-console-consumer.sh"
cd /tmp || fail "nothing can be written to /tmp"
printf '%s\n' "${CLIENT:-security.protocol=PLAINTEXT}" > client.properties || fail "nothing can be written to /tmp"
if [ -n "${LOGIN_MODULE:-}" ]; then
  [ -n "${PASSWORD_NTH:-}" ] && PASSWORD=$(printf %s "$PASSWORD" | cut -d , -f "$PASSWORD_NTH")
  # Once for JAAS, once for properties.
  quoted=$(printf %s "$PASSWORD" | sed 's/[\\"]/\\&/g; s/\\/\\\\/g')
  printf 'sasl.jaas.config=%s required username="%s" password="%s";\n' "$LOGIN_MODULE" "$LOGIN" "$quoted" >> client.properties
fi
ls /login/ca-* > /dev/null 2>&1 && cat /login/ca-* > ca.pem
[ -f /login/user.key ] && { cat /login/user.key; echo; cat /login/user.crt; } > user.pem
{ cat client.properties; echo acks=all; echo max.block.ms=20000; echo delivery.timeout.ms=25000; echo request.timeout.ms=10000; } > producer.properties
number=1
while [ "$number" -le "$RECORDS" ]; do echo "$TOPIC job $number"; number=$((number + 1)); done > sent
# A partition is read without a group, for which an application may have no right.
"$reader" --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC" --partition 0 --offset earliest --consumer.config client.properties > got 2> reader.err &
reading=$!
"$writer" --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC" --producer.config producer.properties < sent > writer.out 2> writer.err || fail "writing: $(why writer.err writer.out)"
waited=0
while [ "$waited" -lt 30 ]; do
  [ "$(grep -c "^$TOPIC job " got)" -ge "$RECORDS" ] && break
  kill -0 "$reading" 2> /dev/null || break
  [ -n "$(why writer.err writer.out | grep -E 'Exception|ERROR')" ] && break
  waited=$((waited + 1))
  sleep 1
done
kill "$reading" 2> /dev/null
grep "^$TOPIC job " got > back
count=$(grep -c . back)
[ "$(sum sent)" = "$(sum back)" ] && { echo "$count of $RECORDS records through $BOOTSTRAP, checksum $(sum back | cut -c 1-16)"; exit 0; }
fail "$count of $RECORDS records came back through $BOOTSTRAP: $(why writer.err writer.out reader.err)"
