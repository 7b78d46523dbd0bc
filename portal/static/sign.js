// Signs in the browser. The key is made here, cannot leave (not extractable, IndexedDB), and is certified once by the
// operator; PKI.js writes CMS SignedData over exactly the octets that are sent (RFC 5652 §5.3, §11; RFC 8551).
// Whatever fails, the form goes its ordinary way and the mailbox's seal signs; only a server that cannot be reached is
// waited for, on this page: the form would find it no better.
(() => {
  "use strict";
  const form = document.getElementById("envoi");
  if (!form || !window.isSecureContext || !crypto.subtle || !indexedDB || form.dataset.navigateur !== "oui") return;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" }, hash = { name: "ECDSA", hash: "SHA-256" };
  const owner = form.dataset.cle;

  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const base64 = (octets) => {
    let text = "";
    for (const octet of octets) text += String.fromCharCode(octet);
    return btoa(text);
  };

  // PKI.js comes while the letter is read again; one that does not come is met when it is needed.
  const library = import(form.dataset.pkijs);
  library.catch(() => {});

  const signature = async (held, content) => {
    const pki = await library;
    const certificates = held.certificates.map((each) => pki.Certificate.fromBER(bytes(each))), [own] = certificates;
    const valueHex = await crypto.subtle.digest("SHA-256", content);
    const attribute = (type, value) => new pki.Attribute({ type, values: [value] });
    const attributes = [ // in the order of DER: these three differ by their lengths (X.690 §11.6)
      attribute("1.2.840.113549.1.9.3", new pki.ObjectIdentifier({ value: pki.ContentInfo.DATA })),
      attribute("1.2.840.113549.1.9.5", new pki.UTCTime({ valueDate: new Date() })),
      attribute("1.2.840.113549.1.9.4", new pki.OctetString({ valueHex })),
    ];
    const signer = new pki.SignerInfo({
      version: 1, // issuer and serial number (RFC 5652 §5.3)
      sid: new pki.IssuerAndSerialNumber({ issuer: own.issuer, serialNumber: own.serialNumber }),
      signedAttrs: new pki.SignedAndUnsignedAttributes({ type: 0, attributes }),
    });
    const encapContentInfo = new pki.EncapsulatedContentInfo({ eContentType: pki.ContentInfo.DATA });
    const signed = new pki.SignedData({ encapContentInfo, certificates, signerInfos: [signer] });
    await signed.sign(held.key, 0, "SHA-256");
    const whole = new pki.ContentInfo({ contentType: pki.ContentInfo.SIGNED_DATA, content: signed.toSchema(true) });
    return new Uint8Array(whole.toSchema().toBER());
  };

  // One record for each mailbox: the key's handle and its certificate.
  const store = (mode) => new Promise((resolve, reject) => {
    const opening = indexedDB.open("pli", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => resolve(opening.result.transaction("keys", mode).objectStore("keys"));
  });
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  const away = new Error("away");
  const post = async (path, fields) => {
    const body = new FormData();
    body.set("jeton", form.elements.jeton.value);
    Object.entries(fields).forEach(([name, value]) => body.set(name, value));
    const answer = await fetch(path, { method: "POST", body, credentials: "same-origin" }).catch(() => { throw away; });
    if (!answer.ok) throw new Error("refused");
    return answer;
  };

  const made = async () => {
    const pair = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
    const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
    const challenge = new TextEncoder().encode(form.elements.jeton.value);
    const proof = new Uint8Array(await crypto.subtle.sign(hash, pair.privateKey, challenge));
    const facts = await (await post("/p/cle", { cle: base64(spki), preuve: base64(proof) })).json();
    const held = { key: pair.privateKey, until: Date.now() + 390 * 86400000, ...facts };
    await settled((await store("readwrite")).put(held, owner));
    return held;
  };
  const held = async () => {
    const kept = await settled((await store("readonly")).get(owner));
    return kept && kept.until > Date.now() ? kept : made();
  };

  const send = async () => {
    const fields = { note: form.elements.note.value, souhait: form.elements.souhait.value };
    const key = await held();
    const content = await (await post("/p/envoyer/composer/" + form.dataset.envoi, fields)).arrayBuffer();
    const whole = base64(await signature(key, content));
    return (await post("/p/envoyer/signer/" + form.dataset.envoi, { signature: whole })).json();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button.main"), said = document.getElementById("etat");
    button.disabled = true;
    said.textContent = form.dataset.sending;
    try {
      location.assign((await send()).next);
    } catch (failure) {
      if (failure === away) { said.textContent = form.dataset.away; button.disabled = false; return; }
      await settled((await store("readwrite")).delete(owner)).catch(() => {});
      said.textContent = form.dataset.unsigned;
      button.disabled = false;
      form.submit();
    }
  });
  document.getElementById("qui-signe").textContent = document.getElementById("qui-signe").dataset.navigateur;
})();
