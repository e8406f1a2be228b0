/* Read mails with GMime. */
#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>

struct answer {
  char *text, *html;
  GString *attachments;
};

static void write_json(GString *out, const char *value) {
  char *valid = g_utf8_make_valid(value ? value : "", -1);
  g_string_append_c(out, '"');
  for (const unsigned char *at = (const unsigned char *)valid; *at; at++) {
    if (*at == '"' || *at == '\\')
      g_string_append_printf(out, "\\%c", *at);
    else if (*at < 0x20 || *at == 0x7f)
      g_string_append_printf(out, "\\u%04x", *at);
    else
      g_string_append_c(out, *at);
  }
  g_string_append_c(out, '"');
  g_free(valid);
}

static void read_part(GMimeObject *parent, GMimeObject *part, gpointer data) {
  struct answer *answer = data;
  (void)parent;
  if (GMIME_IS_MULTIPART(part))
    return;
  GMimeContentType *type = g_mime_object_get_content_type(part);
  const char *disposition = g_mime_object_get_disposition(part);
  gboolean is_attached = disposition && !g_ascii_strcasecmp(disposition, "attachment");
  if (GMIME_IS_TEXT_PART(part) && !is_attached) {
    char **body = NULL;
    if (g_mime_content_type_is_type(type, "text", "plain"))
      body = &answer->text;
    else if (g_mime_content_type_is_type(type, "text", "html"))
      body = &answer->html;
    if (body && !*body) {
      *body = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
      if (!*body)
        *body = g_strdup("");
      return;
    }
  }
  GMimeStream *memory = g_mime_stream_mem_new();
  const char *filename = "";
  if (GMIME_IS_MESSAGE_PART(part)) {
    GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));
    if (inner)
      g_mime_object_write_to_stream(GMIME_OBJECT(inner), NULL, memory);
    filename = g_mime_object_get_content_disposition_parameter(part, "filename");
  } else if (GMIME_IS_PART(part)) {
    GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(part));
    if (content)
      g_mime_data_wrapper_write_to_stream(content, memory);
    filename = g_mime_part_get_filename(GMIME_PART(part));
  }
  GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
  char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes->data, bytes->len);
  char *name = g_mime_content_type_get_mime_type(type);
  GString *out = answer->attachments;
  g_string_append(out, out->len ? ",{\"filename\":" : "{\"filename\":");
  write_json(out, filename);
  g_string_append(out, ",\"type\":");
  write_json(out, name);
  g_string_append_printf(out, ",\"size\":%u,\"sha256\":\"%s\"}", bytes->len, digest);
  g_free(name);
  g_free(digest);
  g_object_unref(memory);
}

static void write_list(GString *out, InternetAddressList *list) {
  for (int index = 0; list && index < internet_address_list_length(list); index++) {
    InternetAddress *one = internet_address_list_get_address(list, index);
    if (INTERNET_ADDRESS_IS_GROUP(one)) {
      write_list(out, internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)));
      continue;
    }
    if (out->str[out->len - 1] != '[')
      g_string_append_c(out, ',');
    write_json(out, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)));
  }
}

static void read_mail(const char *path, GString *out) {
  char *data;
  gsize length;
  if (!g_file_get_contents(path, &data, &length, NULL)) {
    g_string_append(out, ",\"error\":\"no such file\"}");
    return;
  }
  GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, length);
  GMimeParser *parser = g_mime_parser_new_with_stream(stream);
  GMimeMessage *mail = g_mime_parser_construct_message(parser, NULL);
  if (!mail) {
    g_string_append(out, ",\"error\":\"no message\"}");
  } else {
    struct answer answer = {NULL, NULL, g_string_new("")};
    GMimeObject *top = g_mime_message_get_mime_part(mail);
    if (top && !GMIME_IS_MULTIPART(top))
      read_part(NULL, top, &answer);
    else if (top)
      g_mime_multipart_foreach(GMIME_MULTIPART(top), read_part, &answer);
    g_string_append(out, ",\"subject\":");
    write_json(out, g_mime_message_get_subject(mail));
    g_string_append(out, ",\"from\":[");
    write_list(out, g_mime_message_get_from(mail));
    g_string_append(out, "],\"to\":[");
    write_list(out, g_mime_message_get_to(mail));
    GDateTime *date = g_mime_message_get_date(mail);
    if (date)
      g_string_append_printf(out, "],\"date\":%" G_GINT64_FORMAT, g_date_time_to_unix(date));
    else
      g_string_append(out, "],\"date\":null");
    g_string_append(out, ",\"text\":");
    write_json(out, answer.text);
    g_string_append(out, ",\"html\":");
    write_json(out, answer.html);
    g_string_append_printf(out, ",\"attachments\":[%s]}", answer.attachments->str);
    g_string_free(answer.attachments, TRUE);
    g_free(answer.text);
    g_free(answer.html);
    g_object_unref(mail);
  }
  g_object_unref(parser);
  g_object_unref(stream);
  g_free(data);
}

int main(void) {
  char path[4096];
  g_mime_init();
  while (fgets(path, sizeof path, stdin)) {
    path[strcspn(path, "\n")] = 0;
    GString *out = g_string_new("{\"path\":");
    write_json(out, path);
    read_mail(path, out);
    puts(out->str);
    fflush(stdout);
    g_string_free(out, TRUE);
  }
  return 0;
}
