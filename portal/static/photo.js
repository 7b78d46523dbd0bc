// A phone's photo is made smaller before it leaves: 2,600 pixels are enough to be read, and where it was taken
// (EXIF) does not go along. Shows what was chosen. Without this script the file goes as it is.
(() => {
  "use strict";
  const LONGEST = 2600, LIGHT = 700000;
  const shrink = async (file) => {
    if (!file.type.startsWith("image/") || file.size < LIGHT) return file;
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.86));
    return blob && blob.size < file.size ? new File([blob], "photo.jpg", { type: "image/jpeg" }) : file;
  };
  const chosen = async (input) => {
    const said = document.getElementById(input.id + "-dit"), words = input.form.dataset;
    const button = input.form.querySelector("button.main");
    button.disabled = true;
    try {
      const light = new DataTransfer();
      for (const file of input.files) light.items.add(await shrink(file));
      input.files = light.files;
    } catch (_) { /* as it is, then */ }
    button.disabled = false;
    const count = input.files.length;
    said.textContent = count ? (count > 1 ? count + " " + words.many : words.one) : "";
  };
  document.querySelectorAll('input[type="file"]').forEach((input) => {
    input.addEventListener("change", () => chosen(input));
    if (input.files.length) chosen(input); // before this script was there, on a slow line
  });
})();
