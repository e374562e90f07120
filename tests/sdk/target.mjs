// Which server the suites speak to, and as whom. All of it comes from the environment, so that the same tests run
// against any gateway, whatever stands behind it.

const { env } = process;

export const url = (env.GATEWAY_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');

export const parse = {
  serverURL: url + (env.PARSE_MOUNT ?? '/parse'),
  secondServerURL: url + (env.PARSE_SECOND_MOUNT ?? '/1'),
  appId: env.PARSE_APP_ID ?? 'demo',
  javascriptKey: env.PARSE_JAVASCRIPT_KEY ?? 'demo-js',
  masterKey: env.PARSE_MASTER_KEY ?? 'demo-master',
};

export const leancloud = {
  serverURL: url,
  appId: env.LEANCLOUD_APP_ID ?? 'demo',
  appKey: env.LEANCLOUD_APP_KEY ?? 'demo-key',
  masterKey: env.LEANCLOUD_MASTER_KEY ?? 'demo-master',
};

export const backendless = {
  serverURL: url + (env.BACKENDLESS_MOUNT ?? ''),
  domain: url.replace('127.0.0.1', 'localhost'),
  appId: env.BACKENDLESS_APP_ID ?? 'demo',
  apiKey: env.BACKENDLESS_API_KEY ?? 'demo-js-key',
  cloudCodeKey: env.BACKENDLESS_CLOUD_CODE_KEY ?? 'demo-cloud-code-key',
  // the same objects once more, with a schema that no client changes
  fixedAppId: env.BACKENDLESS_FIXED_APP_ID ?? 'fixed',
  fixedApiKey: env.BACKENDLESS_FIXED_API_KEY ?? 'fixed-js-key',
};

/** The same once more for LeanCloud clients that are told no server: an id with this end is of the US region. */
export const routed = { appId: 'routed-MdYXbMMI', appKey: 'routed-key' };

/** The same objects once more, where clients tell devices and send emails. */
export const tell = { ...backendless, appId: 'tell', apiKey: 'tell-js-key', cloudCodeKey: 'tell-code-key' };

/** An app whose own code runs elsewhere: LeanEngine's at a server of code, and webhooks. */
export const code = {
  parse: { ...parse, appId: 'code', javascriptKey: 'code-js', masterKey: 'code-master' },
  leancloud: { serverURL: url, appId: 'code', appKey: 'code-key', masterKey: 'code-master', hookKey: 'code-hook-key' },
  backendless: { ...backendless, appId: 'code', apiKey: 'code-js-key', cloudCodeKey: 'code-cloud-code-key' },
};

/** An address at the gateway, which may have been told another name of itself, as the tests reach it. */
export const reached = address => {
  const { pathname, search } = new URL(address);
  return url + pathname + search;
};

const run = env.SDK_RUN ?? Date.now().toString(36) + Math.random().toString(36).slice(2, 6);
let count = 0;

/** The name of a class that no other test, file or run uses. */
export function newClass(name) {
  count += 1;
  return `${name}_${run}_${process.pid}_${count}`;
}
