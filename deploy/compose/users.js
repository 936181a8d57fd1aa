// Run once by MongoDB's image, on an empty data folder: makes a user for each secrets/*.env.
// A user may do nothing outside the one database that the connection string names. Users of
// loader.env or *-loader.env read and write it. Where there is such a user, the others read it, and
// add to the ledger of what callers have spent, and keep standing questions; where there is none,
// they load as well.
const fs = require('fs');
const folder = '/run/secrets';
const pattern = /^BEACON__MONGO__URI=mongodb:\/\/([\w-]+):([\w-]+)@[\w.:-]+\/([\w-]+)$/m;

const users = [];
for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.env'))) {
  const found = pattern.exec(fs.readFileSync(`${folder}/${name}`, 'utf8'));
  if (found === null) {
    throw new Error(`${name} has no BEACON__MONGO__URI=mongodb://user:password@mongo/database`);
  }
  const [, user, pwd, database] = found;
  users.push({ user, pwd, database, loads: /(^|-)loader\.env$/.test(name) });
}

for (const { user, pwd, database, loads } of users) {
  const own = db.getSiblingDB(database);
  const others = users.some((one) => one.database === database && one.loads);
  if (loads || !others) {
    own.createUser({ user, pwd, roles: [{ role: 'readWrite', db: database }] });
    continue;
  }
  own.createRole({
    role: 'beaconLedger',
    privileges: [{
      resource: { db: database, collection: 'ledger' },
      actions: ['find', 'insert', 'update', 'createCollection', 'createIndex', 'listIndexes'],
    }, {
      resource: { db: database, collection: 'subscriptions' },
      actions: [
        'find', 'insert', 'update', 'remove', 'createCollection', 'createIndex', 'listIndexes',
      ],
    }],
    roles: [],
  });
  own.createUser({
    user, pwd, roles: [{ role: 'read', db: database }, { role: 'beaconLedger', db: database }],
  });
}
