// Run once by MongoDB's image, on an empty data folder: makes a user for each secrets/*.env.
// A user owns the one database that the connection string names, and may do nothing elsewhere.
const fs = require('fs');
const folder = '/run/secrets';
const pattern = /^BEACON__MONGO__URI=mongodb:\/\/([\w-]+):([\w-]+)@[\w.:-]+\/([\w-]+)$/m;

for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.env'))) {
  const found = pattern.exec(fs.readFileSync(`${folder}/${name}`, 'utf8'));
  if (found === null) {
    throw new Error(`${name} has no BEACON__MONGO__URI=mongodb://user:password@mongo/database`);
  }
  const [, user, pwd, database] = found;
  db.getSiblingDB(database).createUser({
    user, pwd, roles: [{ role: 'readWrite', db: database }],
  });
}
