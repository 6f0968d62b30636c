/** Longer text is cut before it is looked through: nobody reads more of an error. */
const MAX_TEXT = 4096;
const MAX_SCHEME = 16;

/** A URL as it may be shown: no user info, no query, no fragment. A signed URL keeps its host and path only. */
export function redactUrl(url: URL | string): string {
  const parsed = typeof url === 'string' ? parse(url) : url;
  if (!parsed) return '<not a URL>';
  const query = parsed.search === '' ? '' : '?<redacted>';
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}${query}`;
}

/** Text without user info and queries of the URLs in it, without bearer tokens, basic credentials and control characters. */
export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return redactUrlsIn(cut)
    .replace(/\b(bearer|basic) +(?!realm=)[^\s,"']+/gi, '$1 <redacted>')
    .replace(
      /\b(password|access_token|refresh_token|identitytoken|token)(=|["'] ?: ?["'])[^\s,&"']+/gi,
      '$1$2<redacted>',
    )
    .replace(/\p{Cc}+/gu, ' ');
}

function redactUrlsIn(text: string): string {
  let out = '';
  let done = 0;
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', Math.max(done, at + 3))) {
    let start = at;
    while (start > done && at - start < MAX_SCHEME && /[a-z0-9+.-]/i.test(text.charAt(start - 1))) start--;
    let end = at + 3;
    while (end < text.length && !/[\s"'<>`]/.test(text.charAt(end))) end++;
    out += text.slice(done, start) + redactOne(text.slice(start, end));
    done = end;
  }
  return out + text.slice(done);
}

function redactOne(found: string): string {
  let end = found.length;
  while (end > 0 && '):,;.'.includes(found.charAt(end - 1))) end--;
  const tail = found.slice(end);
  const parsed = parse(found.slice(0, end));
  if (!parsed) return '<not a URL>';
  const secret = parsed.username || parsed.password || parsed.search || parsed.hash;
  return secret ? redactUrl(parsed) + tail : found;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
