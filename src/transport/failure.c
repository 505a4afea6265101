/* see failure.h */
#include "failure.h"

#include <string.h>

static const struct {
  CURLcode code;
  const char *name, *text;
} failures[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, "UnsupportedProtocol",
     "only http and https URLs are supported"},
    {CURLE_URL_MALFORMAT, "InvalidUrl", "the URL is malformed"},
    {CURLE_COULDNT_RESOLVE_PROXY, "ProxyNotFound",
     "the proxy's name could not be resolved"},
    {CURLE_COULDNT_RESOLVE_HOST, "HostNotFound",
     "the host's name could not be resolved; check region and endpoint_url"},
    {CURLE_COULDNT_CONNECT, "ConnectionRefused",
     "the connection was refused; check endpoint_url and proxy"},
    {CURLE_WEIRD_SERVER_REPLY, "InvalidHttp", "the reply is no HTTP"},
    {CURLE_PARTIAL_FILE, "Truncated",
     "the connection ended before the reply was complete"},
    {CURLE_OUT_OF_MEMORY, "OutOfMemory",
     "out of memory, or a response header line above libcurl's limit"},
    {CURLE_OPERATION_TIMEDOUT, "ConnectTimeout",
     "no connection within connect_timeout"},
    {CURLE_GOT_NOTHING, "EmptyReply",
     "the connection was closed without a reply"},
    {CURLE_SEND_ERROR, "ConnectionReset",
     "the connection broke while the request was sent"},
    {CURLE_RECV_ERROR, "ConnectionReset",
     "the connection broke while the reply was read"},
    {CURLE_SSL_CONNECT_ERROR, "TlsFailed", "the TLS handshake failed"},
    {CURLE_PEER_FAILED_VERIFICATION, "CertificateRejected",
     "the server's certificate was not accepted; check endpoint_url and "
     "ca_bundle"},
    {CURLE_SSL_CACERT_BADFILE, "CaBundleUnreadable",
     "the CA bundle cannot be read; check ca_bundle"},
    {CURLE_HTTP2, "Http2Error", "the HTTP/2 connection failed"},
    {CURLE_HTTP2_STREAM, "Http2StreamReset",
     "the server reset the HTTP/2 stream"},
    {CURLE_HTTP_RETURNED_ERROR, "ProxyRefused", "the proxy refused"},
    {CURLE_PROXY, "ProxyFailed", "the proxy handshake failed"},
};

/* "... in chunked-encoding" says libcurl 7, "chunk hex-length ..." 8. */
CURLcode bdr_failure_code(CURLcode code, const char *detail) {
  if (code == CURLE_RECV_ERROR && strstr(detail, "chunk"))
    return CURLE_WEIRD_SERVER_REPLY;
  if (code == CURLE_UNSUPPORTED_PROTOCOL && strstr(detail, "HTTP/0.9"))
    return CURLE_WEIRD_SERVER_REPLY;
  return code;
}

#define COUNT (sizeof failures / sizeof *failures)

static size_t find(CURLcode code) {
  size_t i = 0;
  while (i < COUNT && failures[i].code != code) i++;
  return i;
}

const char *bdr_failure_name(CURLcode code) {
  size_t i = find(code);
  return i < COUNT ? failures[i].name : "TransferFailed";
}

const char *bdr_failure_text(CURLcode code) {
  size_t i = find(code);
  return i < COUNT ? failures[i].text : curl_easy_strerror(code);
}
