"""Train torchvision's resnet18 on shards: python train_torchvision.py SHARDS [CROP] [EPOCHS]."""

import sys
from pathlib import Path

import torch
from torchvision.models import resnet18

from alexprep.shards.manifest import Manifest
from alextrain.data import Augmentation, batches

shards, crop, epochs = (*sys.argv[1:], *["224", "10"][len(sys.argv) - 2 :])
device = "cuda" if torch.cuda.is_available() else "cpu"
classes = len(Manifest.load(Path(shards)).classes)
model = resnet18(num_classes=classes).to(device)
optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
training = Augmentation(int(crop), crops="resized", colour="off")
centre = Augmentation(int(crop), crops="centre", flip=False, colour="off")

for epoch in range(int(epochs)):
    model.train()
    for images, labels in batches(shards, augmentation=training, epoch=epoch, device=device):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for images, labels in batches(shards, "val", augmentation=centre, device=device):
            right += int((model(images).argmax(1) == labels).sum())
            total += len(labels)
    print(f"epoch {epoch + 1}: {right} of {total} right")
