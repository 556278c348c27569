// A small app on Slack's own libraries, as they are. It does what the scenarios in scenarios_test.go ask,
// and so does the same app on slack-go in goapp_test.go. It ends when its standard input does.
import bolt from "@slack/bolt";

const { API: slackApiUrl, BOT_TOKEN: token, APP_TOKEN: appToken } = process.env;
const clientOptions = { slackApiUrl };
const logLevel = bolt.LogLevel.ERROR;
const app = new bolt.App({
  token,
  clientOptions,
  logLevel,
  // The library waits this long before it connects again; its own five seconds are a long time in a test.
  receiver: new bolt.SocketModeReceiver({ appToken, clientPingTimeout: 1000, installerOptions: { clientOptions }, logLevel }),
});

const plain = (text) => ({ type: "plain_text", text });

const form = {
  type: "modal",
  callback_id: "request",
  title: plain("Request"),
  submit: plain("Send"),
  blocks: [{ type: "input", block_id: "why", label: plain("Reason"), element: { type: "plain_text_input", action_id: "text" } }],
};

const card = (text) => [
  { type: "section", text: { type: "mrkdwn", text } },
  { type: "actions", elements: [{ type: "button", action_id: "approve", text: plain("Approve"), style: "primary", value: "run-1" }] },
];

app.command("/dr", async ({ command, ack, respond, client }) => {
  const channel = command.channel_id;
  switch (command.text) {
    case "hello":
      await ack(`hello <@${command.user_id}>`);
      break;
    case "form":
      await ack();
      await client.views.open({ trigger_id: command.trigger_id, view: form });
      break;
    case "file":
      await ack();
      await client.files.uploadV2({ channel_id: channel, filename: "report.txt", title: "Report", content: "all is well", initial_comment: "the report" });
      break;
    case "broken":
      await ack();
      try {
        await client.chat.postMessage({ channel, text: "x", blocks: [{ type: "header", text: plain("x".repeat(151)) }] });
      } catch (e) {
        await respond(`${e.data.error}: ${e.data.response_metadata.messages[0]}`);
      }
      break;
    case "storm":
      await ack();
      await client.chat.postMessage({ channel, text: "through the storm" });
      break;
    default:
      await ack({ text: "?" });
  }
});

app.view("request", async ({ ack, view, body, client }) => {
  const why = view.state.values.why.text.value;
  if (why === "test") {
    await ack({ response_action: "errors", errors: { why: "Say more." } });
    return;
  }
  await ack();
  await client.chat.postMessage({
    channel: "C0OPS0001",
    text: `asked: ${why}`,
    blocks: card(`<@${body.user.id}> asks: ${why}`),
    metadata: { event_type: "request", event_payload: { key: "run-1" } },
  });
});

app.action("approve", async ({ ack, action, body, respond }) => {
  await ack();
  await respond({ replace_original: true, text: `${action.value} approved by <@${body.user.id}>` });
});

app.event("app_mention", async ({ event, say, context }) => {
  const again = context.retryNum ? `retry ${context.retryNum} ${context.retryReason}` : "heard you";
  await say({ text: again, thread_ts: event.ts });
});

app.event("app_home_opened", async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [{ type: "header", text: plain("Your day") }] } });
});

app.error(async (e) => console.error("app:", e));
process.stdin.on("end", () => process.exit(0)).resume();
await app.start();
