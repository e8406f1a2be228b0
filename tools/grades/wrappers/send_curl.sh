#!/bin/sh
# Send with curl: one process for all messages, so that they can share a connection.
scheme=smtp
if [ "$SMTP_SECURITY" = implicit ]; then scheme=smtps; fi
for message in $SMTP_MESSAGES; do
    if [ $# -gt 0 ]; then set -- "$@" --next; fi
    set -- "$@" --silent --show-error --max-time "$SMTP_TIMEOUT" --url "$scheme://$SMTP_HOST:$SMTP_PORT" \
        --mail-from "$SMTP_SENDER" --upload-file "$message" --write-out '%{response_code}\n'
    for recipient in $SMTP_RECIPIENTS; do set -- "$@" --mail-rcpt "$recipient"; done
    if [ "$SMTP_SECURITY" != none ]; then set -- "$@" --ssl-reqd --cacert "$SMTP_CA_FILE"; fi
    if [ -n "$SMTP_USERNAME" ]; then set -- "$@" --user "$SMTP_USERNAME:$SMTP_PASSWORD"; fi
done
code=$(curl --fail-early "$@")
status=$?
echo "last reply of each message: $code" >&2
# The exit status of curl tells the command that failed; the last reply tells whether the failure is temporary.
case $status:${code##*
} in
    0:*) exit 0 ;;
    *:4??) exit 75 ;;
    *) exit $status ;;
esac
