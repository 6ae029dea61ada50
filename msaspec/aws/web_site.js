// Leads the path of a page to its file. A path whose last part has a dot is a file itself.
function handler(event) {
  var request = event.request;
  var uri = request.uri;
  var last = uri.slice(uri.lastIndexOf("/") + 1);
  if (last.includes(".") || uri.startsWith("/.well-known/")) return request;
  if (FALLBACK !== null && uri !== "/") {
    request.uri = "/" + encodeURI(FALLBACK);
  } else if (last === "") {
    request.uri = uri + encodeURI(INDEX);
  } else {
    // Relative links of a page need its path to end with a slash.
    return {
      statusCode: 301,
      statusDescription: "Moved Permanently",
      headers: { location: { value: "https://" + request.headers.host.value + uri + "/" + query(request.querystring) } },
    };
  }
  return request;
}
function query(given) {
  var pairs = [];
  for (var key in given) {
    var all = given[key].multiValue || [given[key]];
    for (var each of all) pairs.push(each.value === "" ? key : key + "=" + each.value);
  }
  return pairs.length ? "?" + pairs.join("&") : "";
}
