#!/bin/sh
# Send with msmtp: one run for each message, with the options of its configuration file.  Its exit status is one of
# sysexits.h, so 75 is a temporary failure.
set -- --file=/dev/null --host="$SMTP_HOST" --port="$SMTP_PORT" --timeout="${SMTP_TIMEOUT%.*}" --from="$SMTP_SENDER"
case $SMTP_SECURITY in
    starttls) set -- "$@" --tls=on --tls-starttls=on --tls-trust-file="$SMTP_CA_FILE" ;;
    implicit) set -- "$@" --tls=on --tls-starttls=off --tls-trust-file="$SMTP_CA_FILE" ;;
    *) set -- "$@" --tls=off ;;
esac
if [ -n "$SMTP_USERNAME" ]; then
    set -- "$@" --auth=on --user="$SMTP_USERNAME" --passwordeval='echo "$SMTP_PASSWORD"'
fi
status=0
for message in $SMTP_MESSAGES; do
    # A program that replaces sendmail reads lines that end with LF.
    sed 's/\r$//' "$message" | msmtp "$@" -- $SMTP_RECIPIENTS || status=$?
done
exit $status
