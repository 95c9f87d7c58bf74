// A message centre that behaves as its arguments say. It prints its port, then a line of JSON for each event.
//
//     message_centre.cjs [--certificate PEM --key PEM] BEHAVIOUR...
//
// Each submission, over all sessions, is treated as the next of the behaviours says, and the last one stands for all that come
// after it: `take`, `throttle`, `full`, `refuse`, `hang`; `take and cut` and `cut` end the line, the one after it has taken the
// message; `receipt` tells of the delivery at once, before its answer; `later` keeps its receipt until the next session, and
// `reversed` until the third of them, whose receipts come in the opposite order; `lost` tells that it did not arrive.
"use strict";
const fs = require("node:fs");
const smpp = require("smpp");

const options = {};
let behaviours = process.argv.slice(2);
while (behaviours[0]?.startsWith("--")) {
  const [name, file] = behaviours.splice(0, 2);
  options[name === "--key" ? "key" : "cert"] = fs.readFileSync(file);
}
const next = () => (behaviours.length > 1 ? behaviours.shift() : behaviours[0]);
const tell = (event) => console.log(JSON.stringify(event));

let count = 0;
const kept = [];
const reversed = [];

const server = smpp.createServer(options, (session) => {
  session.on("error", () => {});
  session.on("bind_transceiver", (pdu) => {
    if (pdu.password !== "s3cret") {
      tell({ event: "stranger" });
      return session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
    }
    tell({ event: "bound", system_id: pdu.system_id, version: pdu.interface_version });
    session.send(pdu.response());
    for (const id of kept.splice(0)) receipt(session, id, "DELIVRD");
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    tell({ event: "unbound" });
    session.send(pdu.response());
    session.close();
  });
  session.on("submit_sm", (pdu) => submitted(session, pdu, next()));
});

function submitted(session, pdu, behaviour) {
  const refusals = { throttle: smpp.ESME_RTHROTTLED, full: smpp.ESME_RMSGQFUL, refuse: smpp.ESME_RINVDSTADR };
  if (behaviour in refusals) {
    tell({ event: behaviour });
    return session.send(pdu.response({ command_status: refusals[behaviour] }));
  }
  if (behaviour === "hang") return tell({ event: behaviour });
  if (behaviour === "cut") {
    tell({ event: behaviour });
    return session.destroy();
  }
  const id = `mc-${(count += 1)}`;
  const { message, udh } = pdu.short_message;
  tell({
    event: "taken",
    id,
    from: `${pdu.source_addr_ton}/${pdu.source_addr_npi} ${pdu.source_addr}`,
    to: `${pdu.dest_addr_ton}/${pdu.dest_addr_npi} ${pdu.destination_addr}`,
    text: message,
    header: udh ? Buffer.concat(udh).toString("hex") : null,
    coding: pdu.data_coding,
    receipt: pdu.registered_delivery,
    validity: pdu.validity_period && true,
  });
  if (behaviour === "take and cut") return session.destroy();
  if (behaviour === "receipt") receipt(session, id, "DELIVRD");
  session.send(pdu.response({ message_id: id }));
  if (behaviour === "lost") receipt(session, id, "UNDELIV");
  if (behaviour === "later") kept.push(id);
  if (behaviour === "reversed" && reversed.push(id) === 3) {
    for (const one of reversed.splice(0).reverse()) receipt(session, one, "DELIVRD");
  }
}

function receipt(session, id, state) {
  session.deliver_sm(
    {
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
      source_addr: "8613912345678",
      destination_addr: "10690",
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611220500 done date:2611220501 stat:${state} err:000 text:`,
    },
    (answer) => tell({ event: "receipt", id, status: answer.command_status }),
  );
}

server.listen(0, "127.0.0.1", () => console.log("port", server.address().port));
process.on("SIGTERM", () => process.exit(0));
