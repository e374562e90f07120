'use strict';
// Parse Server, as a gateway finds it: `node server.js`, told by the environment. PORT is where it listens, DATABASE_URL a
// PostgreSQL database of its own, FOLDER takes its files and logs. With MAILS=1 it verifies addresses, and sends mails.
// At CONTROL_PORT, /pushes tells what devices were told, and /mails who was sent what; /messages is not there, as it sends
// no text messages. /code defines the app's functions again, and any other request empties the database. What it prints
// first says that it is ready.

process.env.TESTING = '1'; // TestUtils refuses to empty a database without it

const http = require('node:http');
const path = require('node:path');
const { ParseServer, TestUtils } = require('parse-server');
const FilesAdapter = require('@parse/fs-files-adapter');

const { env } = process;
const port = Number(env.PORT);
const url = `http://127.0.0.1:${port}/parse`;

function internal(file) {
  const found = require(path.join(path.dirname(require.resolve('parse-server')), file));
  return found.default || found;
}

// who a user of another service is, this server believes without asking
const believed = { module: { validateAuthData: async () => {}, validateAppId: async () => {} } };

// nothing leaves this machine, and every push arrives
const pushes = [];
function deliver({ data }, devices) {
  const targets = devices.map(({ deviceToken, badge }) => ({ token: deviceToken, badge }));
  // what it does with badges is an adapter's own
  pushes.push({ targets, data: Object.fromEntries(Object.entries(data).filter(([name]) => name !== 'badge')) });
  return devices.map(device => ({ device, transmitted: true }));
}

// what the gateway's own mails are called, so that the suites find these by the same words
const mails = [];
function keep(subject) {
  return ({ user, link }) => mails.push({ to: [user.get('email')], subject, text: link, html: '', attached: {} });
}
const mailing = {
  appName: 'Demo',
  emailAdapter: {
    sendMail: () => {}, // Parse Server wants one, and asks the two below
    sendPasswordResetEmail: keep('A new password'),
    sendVerificationEmail: keep('Confirm your address'),
  },
  verifyUserEmails: true,
};

// the code of the app: what the suites call and start
function cloud() {
  const { Cloud, Error } = global.Parse;
  const hello = ({ params, user }) => {
    if (params.fail) throw new Error(4321, params.fail);
    return { name: 'hello', given: params, user: user ? { objectId: user.id } : null };
  };
  Cloud.define('hello', hello);
  Cloud.define('engineAdd', ({ params }) => params.a + params.b);
  Cloud.define('engineEcho', ({ params }) => params);
  Cloud.define('engineNothing', () => undefined);
  Cloud.define('engineNull', () => null);
  Cloud.define('engineWho', ({ user }) => ({ name: user ? user.get('username') : null, session: Boolean(user) }));
  Cloud.define('engineFails', () => {
    throw new Error(4321, 'sold out');
  });
  for (const name of ['clean', 'count']) {
    Cloud.job(name, ({ params, message }) => {
      if (params && params.fail) throw params.fail;
      message(`${name} is done`);
    });
  }
}

const arrived = { '/pushes': pushes, '/mails': mails };

const options = {
  appId: 'real-app',
  masterKey: 'real-master',
  restAPIKey: 'real-rest',
  javascriptKey: 'real-js',
  databaseURI: env.DATABASE_URL,
  serverURL: url,
  publicServerURL: url,
  mountPath: '/parse',
  port,
  host: '127.0.0.1',
  verifyServerUrl: false,
  masterKeyIps: ['127.0.0.1', '::1'],
  // as apps of years ago had it; the defaults of version 9 would refuse them
  allowClientClassCreation: true,
  allowCustomObjectId: env.CUSTOM_IDS === '1',
  enforcePrivateUsers: false,
  enableSanitizedErrorResponse: false,
  enableInsecureAuthAdapters: true,
  auth: Object.fromEntries(['github', 'myprovider', 'test', 'weixin'].map(name => [name, believed])),
  filesAdapter: new (FilesAdapter.default || FilesAdapter)({ filesSubDirectory: 'files' }),
  push: { adapter: { getValidPushTypes: () => ['ios', 'android'], send: async (body, devices) => deliver(body, devices) } },
  ...(env.MAILS === '1' ? mailing : {}),
  logsFolder: path.join(env.FOLDER, 'logs'),
  silent: true,
  verbose: false,
};

process.chdir(env.FOLDER); // the files adapter writes below the working directory

async function empty() {
  await TestUtils.destroyAllDataPermanently(true);
  internal('Adapters/Cache/SchemaCache').clear();
  const config = internal('Config').get(options.appId);
  await config.cacheController.clear();
  // of the controller: the adapter's own would leave unique names unwatched
  await config.database.performInitialization();
}

ParseServer.startApp(options)
  .then(cloud)
  .then(
    () =>
      new Promise(resolve => {
        const control = http.createServer((request, response) => {
          if (request.url in arrived) {
            response.end(JSON.stringify(arrived[request.url]));
            return;
          }
          if (request.url === '/messages') {
            response.statusCode = 404;
            response.end();
            return;
          }
          if (request.url === '/code') {
            cloud();
            response.end('{}');
            return;
          }
          empty().then(
            () => response.end('{}'),
            error => {
              response.statusCode = 500;
              response.end(String(error));
            }
          );
        });
        control.listen(Number(env.CONTROL_PORT), '127.0.0.1', resolve);
      })
  )
  .then(() => console.log('ready'))
  .catch(error => {
    console.error(error);
    process.exit(1);
  });
