#!/bin/sh
# Send with swaks: one run for each message.  Its exit status does not tell temporary from permanent failures.
set -- --server "$SMTP_HOST" --port "$SMTP_PORT" --timeout "$SMTP_TIMEOUT" --from "$SMTP_SENDER" \
    --to "$(echo "$SMTP_RECIPIENTS" | tr ' ' ,)" --helo client.example
case $SMTP_SECURITY in
    starttls) set -- "$@" --tls ;;
    implicit) set -- "$@" --tls-on-connect ;;
esac
if [ "$SMTP_SECURITY" != none ]; then
    set -- "$@" --tls-verify --tls-ca-path "$SMTP_CA_FILE" --tls-sni "$SMTP_HOST"
fi
if [ -n "$SMTP_USERNAME" ]; then
    set -- "$@" --auth --auth-user "$SMTP_USERNAME" --auth-password "$SMTP_PASSWORD"
fi
status=0
for message in $SMTP_MESSAGES; do
    swaks "$@" --data "@$message" >&2 || status=$?
done
exit $status
