// An independent client for the tests: matrix-js-sdk, rust cryptography, strict device mode. Reads JSON lines
// {"do": …} on standard input, writes JSON lines {"event" | "done" | "failed": …} on standard output.
import readline from "node:readline";
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { OnlySignedDevicesIsolationMode } from "matrix-js-sdk/lib/crypto-api/index.js";

logger.disableAll();
for (const level of ["log", "info", "warn", "debug", "error"]) console[level] = () => {};
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

const [url, user, password] = process.argv.slice(2);
const login = await sdk.createClient({ baseUrl: url }).loginRequest({
    type: "m.login.password",
    identifier: { type: "m.id.user", user },
    password,
});
const client = sdk.createClient({
    baseUrl: url,
    userId: user,
    deviceId: login.device_id,
    accessToken: login.access_token,
    cryptoCallbacks: {},
    timelineSupport: true,
});
await client.initRustCrypto({ useIndexedDB: false });
const crypto = client.getCrypto();
crypto.setDeviceIsolationMode(new OnlySignedDevicesIsolationMode());
await crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (makeRequest) => makeRequest(null),
});

const told = new Set();
const tell = (event) => {
    const id = event.getId();
    if (!id || event.isBeingDecrypted() || (event.isEncrypted() && !event.getClearContent() && !event.isDecryptionFailure())) return;
    const key = `${id}:${event.isDecryptionFailure()}`;
    if (told.has(key)) return;
    told.add(key);
    say({
        event: {
            id,
            room: event.getRoomId(),
            sender: event.getSender(),
            type: event.getType(),
            failed: event.isDecryptionFailure(),
            content: event.getContent(),
            relation: event.getWireContent()["m.relates_to"] ?? null,
        },
    });
};
client.on(sdk.RoomEvent.Timeline, tell);
client.on(sdk.MatrixEventEvent.Decrypted, tell);
client.on(sdk.RoomMemberEvent.Membership, async (_event, member) => {
    if (member.userId === user && member.membership === "invite") await client.joinRoom(member.roomId);
});
await client.startClient({ initialSyncLimit: 100, lazyLoadMembers: false });
await new Promise((ready) => client.once(sdk.ClientEvent.Sync, ready));
say({ done: "ready", device: login.device_id });

const actions = {
    send: ({ room, content }) => client.sendMessage(room, content).then((sent) => sent.event_id),
    redact: ({ room, id }) => client.redactEvent(room, id).then((sent) => sent.event_id),
    owner: async ({ user: other, device }) => {
        const status = await crypto.getDeviceVerificationStatus(other, device);
        return status?.signedByOwner ?? false;
    },
    devices: async ({ user: other }) => [...((await crypto.getUserDeviceInfo([other], true)).get(other)?.keys() ?? [])],
};
for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    try {
        say({ done: await actions[request.do](request) });
    } catch (error) {
        say({ failed: String(error?.message ?? error) });
    }
}
process.exit(0);
