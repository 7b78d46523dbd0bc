// Passkeys: the browser talks to the person's device; without this script there is the password.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !PublicKeyCredential.parseRequestOptionsFromJSON) return;
  const post = async (path, fields) => {
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields), credentials: "same-origin" });
    if (!answer.ok) throw new Error("refused");
    return answer.json();
  };
  document.querySelectorAll("[data-passkey]").forEach((button) => {
    const path = button.dataset.passkey, jeton = button.dataset.jeton ?? "";
    const said = document.getElementById("cle-dit");
    button.hidden = false;
    button.addEventListener("click", async () => {
      said.textContent = button.dataset.wait;
      try {
        const asked = await post(path + "/options", { jeton });
        const made = button.dataset.neuve
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options) });
        const answer = { jeton, laissez_passer: asked.pass, reponse: JSON.stringify(made.toJSON()) };
        location.assign((await post(path, answer)).next);
      } catch (_) {
        said.textContent = button.dataset.failed;
      }
    });
  });
})();
