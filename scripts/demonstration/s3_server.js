// s3rver behind a check of Signature Version 4.
//
// s3rver accepts any version 4 signature, so by itself it could not tell whether a proxy changed what was signed:
// the Host, the bytes of path and query, a header. Here the signature is computed again from what arrived.
// Arguments: s3rver's folder, the data folder, the port. Source: "Authenticating Requests (AWS Signature Version 4)".
'use strict';
const { createHash, createHmac, timingSafeEqual } = require('crypto');
const [module_folder, directory, port] = process.argv.slice(2);
const S3rver = require(module_folder);
const SECRET = 'S3RVER';

const sha256 = text => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();

function canonical_request(request, signed_headers) {
  const [path, query = ''] = request.url.split('?');
  const pairs = query.split('&').filter(Boolean).map(pair => (pair.includes('=') ? pair : pair + '='));
  const headers = signed_headers.map(name => `${name}:${(request.headers[name] || '').trim().replace(/ +/g, ' ')}\n`);
  return [request.method, path, pairs.sort().join('&'), headers.join(''), signed_headers.join(';'),
    request.headers['x-amz-content-sha256']].join('\n');
}

function signature_fits(request) {
  const form = /^AWS4-HMAC-SHA256 Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const found = form.exec(request.headers.authorization || '');
  if (!found) return false;
  const [, scope, signed_headers, signature] = found;
  const names = signed_headers.split(';');
  if (!names.includes('host')) return false;
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical_request(request, names))].join('\n');
  const key = scope.split('/').reduce(hmac, 'AWS4' + SECRET);
  return timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex'));
}

const server = new S3rver({
  directory, port: Number(port), address: '127.0.0.1', silent: true, vhostBuckets: false, configureBuckets: [{ name: 'demo' }],
});
server.middleware.unshift(async (context, next) => {
  if (signature_fits(context.req)) return next();
  context.status = 403;
  context.type = 'application/xml';
  context.body = '<Error><Code>SignatureDoesNotMatch</Code><Message>not what was signed</Message></Error>';
});
server.run();
