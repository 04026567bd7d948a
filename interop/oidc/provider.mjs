// A real OpenID Connect provider for tests: node provider.mjs REDIRECT_URI. Prints its issuer, then serves.
import http from 'node:http';
import Provider from 'oidc-provider';

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'updraft', client_secret: 'a-secret-for-tests-only', redirect_uris: [process.argv[2]] }],
    cookies: { keys: ['for-tests-only'] },
    pkce: { methods: ['S256'], required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
